"""Labels to be doubted: what is planted is found, and a sound set is left alone."""

from pathlib import Path

import numpy as np
import pytest

from made_folders import made_case, made_facts, made_task
from scanwright.dataset.cases import Classes, Dataset, Quantities
from scanwright.dataset.task import Channel, Task
from scanwright.features.fixed import features_of, shrunk, standardised
from scanwright.gate.cohort import Cohort
from scanwright.gate.doubt import suspicious
from scanwright.gate.doubt.coarse import Coarse, coarse
from scanwright.gate.doubt.quick import class_probabilities, folds_of
from scanwright.gate.doubt.suspicious import confident_learning, dice, find, mean_auc, robust_distance
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume

NAMES = [f"p{k:03d}" for k in range(150)]


def cohort_of(task: Task, targets: dict | None = None) -> Cohort:
    extra = {name: {"target": target, "label": None} for name, target in (targets or {}).items()}
    cases = tuple(made_case(name, **extra.get(name, {})) for name in NAMES)
    dataset = Dataset(root=Path("root"), layout="made", stated="", task=task, cases=cases)
    return Cohort(dataset=dataset, facts={name: made_facts(name) for name in NAMES})


def pictures(values: list[float], *, seed: int = 0) -> dict[str, Coarse]:
    """A disc, the larger the value, in noise."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(*[np.linspace(-1, 1, 96)] * 2, indexing="ij")
    found = {}
    for name, value in zip(NAMES, values, strict=True):
        disc = np.hypot(x - rng.normal(0, 0.05), y) < 0.3 + 0.3 * value
        image = standardised((disc * 3 + rng.normal(size=x.shape)).astype(np.float32))
        found[name] = Coarse(image[None, ..., None].astype(np.float16), disc[..., None].astype(np.uint8))
    return found


TWO = Task(name="t", kind="classification", channels=(Channel(name="US", modality="us"),), classes=("small", "large"))


def test_find__classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspicious, "LEAST_SHARE", 0.5)  # of so few cases the model is never very sure
    large = [bool(k % 2) for k in range(150)]
    samples = pictures([float(one) for one in large])
    told = {name: Classes(names=("large" if one else "small",)) for name, one in zip(NAMES, large, strict=True)}
    clean = find(cohort_of(TWO, told), samples)
    assert clean.enough and clean.quality == pytest.approx(1.0, abs=0.01) and clean.faults == ()
    wrong = {"p007": Classes(names=("small",)), "p020": Classes(names=("large",))}
    found = find(cohort_of(TWO, told | wrong), samples)
    assert {one.case for one in found.suspects} == {"p007", "p020"}
    (fault,) = found.faults
    assert (fault.code, fault.severity, fault.policy) == ("suspicious-class", "warning", False)
    assert set(fault.cases) == {"p007", "p020"} and fault.numbers["judged"] == 150


def test_find__a_label_that_is_not_known_is_not_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspicious, "LEAST_SHARE", 0.5)
    task = TWO.model_copy(update={"classes": ("large",), "choice": "several"})
    large = [bool(k % 2) for k in range(150)]
    samples = pictures([float(one) for one in large])
    told = {name: Classes(names=("large",) if one else ()) for name, one in zip(NAMES, large, strict=True)}
    wrong = {"p007": Classes(names=()), "p020": Classes(names=("large",))}
    assert {one.case for one in find(cohort_of(task, told | wrong), samples).suspects} == {"p007", "p020"}
    unknown = {name: Classes(names=(), unknown=("large",)) for name in wrong}
    assert find(cohort_of(task, told | unknown), samples).suspects == ()


def test_find__nothing_is_said_by_a_model_that_knows_nothing() -> None:
    rng = np.random.default_rng(1)
    told = {name: Classes(names=("large" if rng.uniform() < 0.5 else "small",)) for name in NAMES}
    found = find(cohort_of(TWO, told), pictures([0.5] * 150))
    assert not found.enough and found.suspects == () and found.faults == ()


def test_find__quantities() -> None:
    task = Task(name="t", kind="regression", channels=TWO.channels, quantities=("size",))
    values = [k / 150 for k in range(150)]
    told = {name: Quantities(numbers=(value,)) for name, value in zip(NAMES, values, strict=True)}
    assert find(cohort_of(task, told), pictures(values)).faults == ()
    found = find(cohort_of(task, told | {"p010": Quantities(numbers=(5.0,))}), pictures(values))
    assert found.suspects[0].case == "p010" and found.faults[0].code == "suspicious-number"


def test_find__masks() -> None:
    task = made_task()
    samples = pictures([(k % 7) / 7 for k in range(150)])
    assert find(cohort_of(task), samples).faults == ()
    moved = samples["p030"].codes
    samples["p030"] = Coarse(samples["p030"].image, np.roll(moved, 30, axis=0))
    found = find(cohort_of(task), samples)
    assert [one.case for one in found.suspects] == ["p030"] and found.faults[0].code == "suspicious-mask"


def test_find__too_few_cases() -> None:
    samples = {name: one for name, one in list(pictures([0.5] * 150).items())[:10]}
    assert find(cohort_of(made_task()), samples).quality is None


def test_confident_learning__by_hand() -> None:
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.2, 0.8], [0.45, 0.55]])
    given = np.array([0, 0, 0, 1, 1, 1])
    doubted, preferred = confident_learning(shares, given)
    assert doubted.tolist() == [False, False, True, False, False, False]
    assert preferred[2] == 1


def test_mean_auc__by_hand() -> None:
    assert mean_auc(np.array([[0.9, 0.1], [0.4, 0.6], [0.6, 0.4], [0.1, 0.9]]), np.array([0, 0, 1, 1])) == 0.75
    assert mean_auc(np.full((4, 2), 0.5), np.array([0, 0, 1, 1])) == 0.5


def test_folds_of__no_patient_in_two() -> None:
    patients = [f"p{k // 3}" for k in range(30)]
    home = folds_of([k % 2 for k in range(30)], patients)
    assert all(len({fold for fold, own in zip(home, patients, strict=True) if own == name}) == 1 for name in patients)
    assert set(home.tolist()) == {0, 1, 2}


def test_class_probabilities__of_classes_that_a_fold_lacks() -> None:
    rng = np.random.default_rng(0)
    features = [rng.normal(size=(9, 5)), rng.normal(size=(9, 3))]
    shares = class_probabilities(features, np.array([0] * 8 + [1]), np.arange(9) % 3)
    assert shares.shape == (9, 2) and np.allclose(shares.sum(axis=1), 1)


def test_coarse__however_it_is_stored() -> None:
    rng = np.random.default_rng(0)
    voxels = rng.normal(size=(1, 40, 30, 50)).astype(np.float32)
    label = (voxels > 1).astype(np.uint8)
    grid = Grid.from_spacing((40, 30, 50), (1, 1, 2))
    plain = coarse(Volume(voxels, grid), Volume(label, grid), made_task())
    affine = np.array(grid.affine)
    affine[:3, 3] += affine[:3, 0] * 39
    affine[:3, 0] *= -1
    turned = Grid((40, 30, 50), affine)
    other = coarse(Volume(voxels[:, ::-1].copy(), turned), Volume(label[:, ::-1].copy(), turned), made_task())
    assert plain.image.shape == (1, 32, 32, 32) and plain.codes.shape == (32, 32, 32)
    assert np.array_equal(plain.image, other.image) and np.array_equal(plain.codes, other.codes)


def test_shrunk__means_and_nearest() -> None:
    array = np.arange(12, dtype=np.int16).reshape(1, 4, 3)
    assert shrunk(array, (1, 2, 3)).tolist() == [[[1.5, 2.5, 3.5], [7.5, 8.5, 9.5]]]
    assert shrunk(array, (2, 4, 3)).shape == (2, 4, 3)


def test_small_parts__degenerate() -> None:
    assert standardised(np.full((4, 4), 3.0)).tolist() == np.zeros((4, 4)).tolist()
    assert np.isnan(dice(np.zeros((3, 3)), np.zeros((3, 3)), [1]))
    assert robust_distance(np.array([1.0, 1.0, 1.0, 9.0])).tolist() == [0.0] * 4
    for shape in ((1, 1, 1, 1), (1, 96, 96, 1), (2, 32, 32, 32)):
        assert all(np.isfinite(kind).all() for kind in features_of(np.zeros(shape, np.float16)))
