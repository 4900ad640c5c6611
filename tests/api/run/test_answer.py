"""Memory asked for beforehand, and where answers lie."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import fakes
from made_folders import made_case
from scanwright.api.run.answer import caveats_of_models, never_learned, own_answer, prediction_file, trained_network
from scanwright.api.run.folder import Run
from scanwright.dataset.cases import Classes
from scanwright.dataset.split import Fold
from scanwright.errors import IntegrityError
from scanwright.evaluation.cases.judged import ClassifiedCase
from scanwright.evaluation.cases.level import level_caveats
from scanwright.problem.segmentation import Segmentation


def test_own_answer__that_was_cut(tmp_path):
    file = tmp_path / "a.nii.gz"
    file.write_bytes(b"\x1f\x8b half of it")
    with pytest.raises(IntegrityError, match="cannot be read") as caught:
        own_answer(file, Segmentation(fakes.task()))
    assert "Remove it" in caught.value.hint


@pytest.mark.parametrize(
    ("image", "test", "where"),
    [
        ("a.nii.gz", False, "predictions/a.nii.gz"),
        ("a.mha", True, "predictions/test/a.nii.gz"),
        ("a.PNG", False, "predictions/a.png"),
        ("a.jpeg", True, "predictions/test/a.png"),
        ("a.tif", False, "predictions/a.png"),
    ],
)
def test_prediction_file(image, test, where):
    run, case = Run.whole(Path("/run"), ""), made_case("a", images=(Path("/scans") / image,))
    assert prediction_file(run, Segmentation(fakes.task()), case, test=test) == Path("/run") / where


def test_never_learned__classes_whose_cases_lie_in_one_fold():
    shown = {"p0": ("a",), "p1": ("a",), "p2": ("b",), "p3": ("b", "c"), "p4": (), "p5": ("a", "c")}
    cases = [made_case(name, target=Classes(names=names)) for name, names in shown.items()]
    folds = [
        Fold(train=("p1", "p3", "p5"), validation=("p0", "p2", "p4")),
        Fold(train=("p0", "p2"), validation=("p3",)),
    ]
    assert never_learned(cases, folds[:1], parts=("a", "b", "c")) == []
    assert never_learned(cases, folds, parts=("a", "b", "c")) == ["c"]
    assert never_learned([made_case("p0")], [Fold(train=(), validation=("p0",))], parts=("a",)) == []


def test_caveats_of_models__classes_never_learned_and_models_that_are_level():
    cases = [made_case(f"c{k}", target=Classes(names=("ab"[k > 0],))) for k in range(6)]
    folds = [
        Fold(train=("c1", "c2", "c3"), validation=("c0", "c4", "c5")),
        Fold(train=(), validation=("c1", "c2", "c3")),
    ]
    study = SimpleNamespace(
        dataset=SimpleNamespace(cases=cases),
        problem=SimpleNamespace(parts=("a", "b"), learns=lambda case: True, caveats=level_caveats),
        splits=SimpleNamespace(folds=folds),
        plan=SimpleNamespace(training=SimpleNamespace(folds=(0,))),
    )

    def rows(*chances):
        return [
            ClassifiedCase(case=f"c{k}", patient=f"c{k}", fold=0, probabilities=(1 - p, p), truth=1, decision=1)
            for k, p in enumerate(chances)
        ]

    assert len(list(caveats_of_models(study, rows(0.2, 0.9)))) == 1
    unlearned, level = caveats_of_models(study, rows(0.61, 0.612))
    assert "of a lie in one fold" in unlearned and "model of fold 0 hardly tells the cases apart" in level


@pytest.mark.parametrize("content", [b"", b"half of it", b"\x10\0\0\0\0\0\0\0{}"])
def test_trained_network__a_file_that_is_not_whole(tmp_path, content):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(content)
    with pytest.raises(IntegrityError, match="weights that cannot be read") as caught:
        trained_network(file, fakes.plan(), torch.device("cpu"))
    assert caught.value.where == file
    assert str(tmp_path) in caught.value.hint
