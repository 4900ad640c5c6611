"""Cases in which not every region was looked for."""

import numpy as np
import pytest
import torch

from made_folders import made_case, write_nifti, write_text
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Channel, Region, Task
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.plan.plan import ChannelNormalization, PreprocessPlan
from scanwright.problem.segmentation import Segmentation
from scanwright.protocols import IGNORE
from scanwright.transform.prepare import prepare_case

SHAPE = (12, 10, 4)
GRID = Grid(SHAPE, np.eye(4), "mm")
NAMES = ("organ", "lesion")


def task(partial=(("organ",), ("lesion",))):
    regions = (Region(name="organ", values=(1,)), Region(name="lesion", values=(2,)))
    return Task(name="t", channels=(Channel(name="CT", modality="ct"),), regions=regions, partial=partial)


def labels():
    values = np.zeros(SHAPE, dtype=np.uint8)
    values[2:10, 2:8], values[4:6, 4:6] = 1, 2
    return values


def folder(root, annotated):
    for name in annotated:
        write_nifti(root / "images" / f"{name}.nii.gz", np.random.default_rng(0).normal(size=SHAPE).astype(np.float32))
        write_nifti(root / "masks" / f"{name}.nii.gz", labels())
    rows = [f"{name},{said}" for name, said in annotated.items()]
    write_text(root / "cases.csv", "\n".join(["case,annotated", *rows]) + "\n")
    write_text(root / "scanwright.json", '{"regions": {"organ": 1, "lesion": 2}}')
    return root


def test_read__a_column_says_what_was_looked_for(tmp_path):
    found = read_dataset(folder(tmp_path, {"a": "", "b": "organ", "c": "lesion|organ", "d": "lesion"}))
    assert {case.id: case.judged for case in found.cases} == {"a": None, "b": ("organ",), "c": None, "d": ("lesion",)}
    assert found.task.partial == (("organ",), ("lesion",)) and not found.task.exclusive
    assert "annotated" not in found.cases[1].groups


def test_read__a_name_that_is_no_region_is_a_fault(tmp_path):
    found = read_dataset(folder(tmp_path, {"a": "", "b": "organ|heart"}))
    (fault,) = [one for one in found.faults if one.code == "unclear-judged"]
    assert fault.case == "b" and fault.found == "heart" and fault.severity == "error"


def prepared(tmp_path, judged):
    name = "all" if judged is None else "_".join(judged)
    image = write_nifti(tmp_path / f"{name}.nii.gz", np.random.default_rng(0).normal(size=SHAPE).astype(np.float32))
    label = write_nifti(tmp_path / f"{name}_label.nii.gz", labels())
    plan = PreprocessPlan(
        axes=(2, 1, 0), spacing=(1.0, 1.0, 1.0), long_side=None, crop_to_nonzero=False, image_order=3,
        normalization=(ChannelNormalization(scheme="none"),),
    )  # fmt: skip
    case = made_case(name, images=(image,), label=label, judged=judged)
    return prepare_case(case, task(), plan, Segmentation(task()).codes)


def test_prepare__codes_say_what_was_looked_for(tmp_path):
    found = {judged: prepared(tmp_path, judged) for judged in (None, ("organ",), ("lesion",))}
    assert [sorted(np.unique(one["codes"]).tolist()) for one in found.values()] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert sorted(set(found[("organ",)]["foreground"][:, 0].tolist())) == [4, 5]  # the background of a block is none
    assert Segmentation(task()).plain(found[("lesion",)]["codes"]).max() == 2


def batch(tmp_path):
    codes = [prepared(tmp_path, judged)["codes"] for judged in (None, ("organ",), ("lesion",))]
    return torch.from_numpy(np.stack(codes))


def test_loss__what_was_not_looked_for_counts_for_nothing(tmp_path):
    problem, codes = Segmentation(task()), batch(tmp_path)
    regions, mask = problem._regions(codes)
    assert mask.shape == regions.shape and mask[1, 0].all() and not mask[1, 1].any() and not mask[2, 0].any()
    right = 12 * (2 * regions - 1)
    for name in problem.losses:
        logits = right.clone().requires_grad_()
        before = problem.loss([logits], codes, name=name)
        before.backward()
        assert not logits.grad[1, 1].any() and not logits.grad[2, 0].any()
        wrong = right.clone()
        wrong[1, 1], wrong[2, 0] = -wrong[1, 1], -wrong[2, 0]
        assert torch.allclose(problem.loss([wrong], codes, name=name), before.detach(), atol=1e-6)
        wrong[1, 0] = -wrong[1, 0]
        assert problem.loss([wrong], codes, name=name) > before.detach() + 0.01
    agreed = problem.agreement(right, codes)
    assert torch.allclose(agreed[:, 0] / agreed[:, 1], torch.ones(2, dtype=torch.float64))


def test_loss__is_as_before_where_all_was_looked_for():
    whole, blocks = Segmentation(task(partial=())), Segmentation(task())
    assert whole.task.exclusive and whole.outputs == 3 and blocks.outputs == 2
    codes = torch.from_numpy(labels())[None]
    codes[0, 0, 0, 0] = IGNORE
    regions, mask = blocks._regions(codes)
    assert not mask[0, :, 0, 0, 0].any() and mask.sum() == 2 * (codes != IGNORE).sum()
    assert torch.equal(regions[0, 0] > 0, codes[0] == 1)


def test_row__scores_only_what_was_looked_for(tmp_path):
    label = write_nifti(tmp_path / "a_label.nii.gz", labels(), affine=np.eye(4))
    case = made_case("a", label=label, judged=("lesion",))
    row = Segmentation(task()).row(case, Volume(labels()[None], GRID), fold=0, yardstick=1.0)
    assert set(row.metrics) == {"lesion"} and row.metrics["lesion"]["dice"] == 1.0
    assert set(row.lesions) == {"lesion"} and row.lesions["lesion"].true_regions == ()
    other = Segmentation(task()).row(
        case.model_copy(update={"judged": ("organ",)}), Volume(labels()[None], GRID), fold=0, yardstick=1.0
    )
    assert set(other.metrics) == {"organ"} and other.lesions == {}
    summary = Segmentation(task()).summary([row, other], [], seed=0, yardstick=1.0)
    assert summary["by_class"]["organ"]["dice"]["n_defined"] == 1 and summary["overall"]["dice"][
        "mean"
    ] == pytest.approx(1.0)
