"""What is decided before training, and written down."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from commands import SMALL
from made_folders import made_task, nnunet_folder, write_json, write_text
from scanwright.api.data.gate import content_digest
from scanwright.api.run.folder import Run
from scanwright.api.run.splitting import given_splits, require_judged_once, require_same_splits, split_cases
from scanwright.api.run.study import earlier_plan, require_unchanged, without
from scanwright.dataset.cases import Dataset, Fault
from scanwright.dataset.checks import check
from scanwright.dataset.read import read_dataset
from scanwright.dataset.split import Fold, Splits
from scanwright.errors import InputError, IntegrityError, UsageError
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io import nifti
from scanwright.plan.settings import Settings


def test_records__of_a_finished_run(finished):
    """Each stage has left its result, as plain JSON that says what was decided."""
    read = {
        name: json.loads((finished.run / f"{name}.json").read_text())
        for name in ("task", "checks", "splits", "plan", "run")
    }
    assert [region["name"] for region in read["task"]["regions"]] == ["liver", "tumour"]
    assert (read["checks"]["layout"], len(read["checks"]["facts"])) == ("nnunet", 6)
    assert [fault["code"] for fault in read["checks"]["faults"]] == ["patients-unknown"]
    assert sorted(name for fold in read["splits"]["folds"] for name in fold["validation"]) == [
        f"p{n:02d}" for n in range(6)
    ]
    assert read["plan"]["why"]["batch.patch"]["source"] == "--set"
    assert list(read["run"]["stages"]) == [
        "check",
        "split",
        "plan",
        "prepare",
        "train",
        "predict",
        "evaluate",
        "explain",
        "range",
        "package",
        "report",
    ]
    assert read["run"]["data"] == read["checks"]["content"]


def digest(root):
    dataset = read_dataset(root)
    return content_digest(dataset, check(dataset))


def test_content_digest__of_voxels_not_of_names_or_times(finished, tmp_path):
    before = digest(finished.data)
    copied = Path(shutil.copytree(finished.data, tmp_path / "elsewhere"))
    assert digest(copied) == before
    shutil.copy(copied / "imagesTr/p00_0000.nii.gz", copied / "imagesTr/p01_0000.nii.gz")
    assert digest(copied) != before


def test_content_digest__of_grids_too(finished, tmp_path):
    """The same voxels three times as large are other data: plan and distances are made from their size."""
    copied = Path(shutil.copytree(finished.data, tmp_path / "elsewhere"))
    for name in ("imagesTr/p00_0000.nii.gz", "labelsTr/p00.nii.gz"):
        volume = nifti.read(copied / name)
        grid = Grid(volume.shape, np.diag((3, 3, 3, 1)) @ volume.grid.affine)
        nifti.write(copied / name, Volume(volume.voxels, grid))
    assert digest(copied) != digest(finished.data)


@pytest.mark.parametrize("change", [{"patient": "somebody else"}, {"split": "test"}])
def test_content_digest__of_patients_and_sides(finished, change):
    dataset = read_dataset(finished.data)
    checks = check(dataset)
    moved = dataset.model_copy(update={"cases": (dataset.cases[0].model_copy(update=change), *dataset.cases[1:])})
    assert content_digest(moved, checks) != content_digest(dataset, checks)


def planned_run(folder, dataset, checks, splits=None):
    """A run folder in which this data set was planned for."""
    write_json(folder / "task.json", dataset.task.model_dump(mode="json"))
    write_json(folder / "checks.json", {"content": content_digest(dataset, checks)})
    if splits is not None:
        write_json(folder / "splits.json", splits.model_dump(mode="json"))
    (folder / "plan.json").write_text("{}")
    return Run.whole(folder, "")


def test_require_unchanged(finished, tmp_path):
    dataset = read_dataset(finished.data)
    checks = check(dataset)
    require_unchanged(Run.whole(tmp_path, ""), dataset, checks)  # nothing planned yet
    run = planned_run(tmp_path, dataset, checks)
    require_unchanged(run, dataset, checks)
    renamed = dataset.task.model_copy(update={"regions": dataset.task.regions[:1]})
    with pytest.raises(UsageError, match="the task has changed"):
        require_unchanged(run, dataset.model_copy(update={"task": renamed}), checks)
    write_json(tmp_path / "checks.json", {"content": "of other data"})
    with pytest.raises(UsageError, match="the data have changed"):
        require_unchanged(run, dataset, checks)


def folds(*validation):
    names = sorted({name for side in validation for name in side} | {"a", "b", "c", "d"})
    made = tuple(Fold(train=tuple(n for n in names if n not in side), validation=tuple(side)) for side in validation)
    return Splits(folds=made, test=(), source="split.json", stated="")


def test_require_same_splits(finished, tmp_path):
    """A case that changes sides would be judged by weights that have learned from it."""
    dataset = read_dataset(finished.data)
    require_same_splits(Run.whole(tmp_path, ""), folds("a"))
    run = planned_run(tmp_path, dataset, check(dataset), folds("a", "b"))
    require_same_splits(run, folds("a", "b"))
    with pytest.raises(UsageError, match="the split has changed"):
        require_same_splits(run, folds("a", "c"))


def test_require_judged_once():
    require_judged_once(folds("ab", "cd"))
    with pytest.raises(InputError, match="more than one fold") as caught:
        require_judged_once(folds("ab", "bc"))
    assert caught.value.found == "b"


def test_a_split_file_that_is_edited_between_two_sessions(scanwright, tmp_path):
    data, file = nnunet_folder(tmp_path / "data", cases=6), tmp_path / "split.json"
    words = ("train", data, *SMALL, "-o", tmp_path / "run", "--split", file)
    names = [f"p{n:02d}" for n in range(6)]
    write_json(file, [{"train": names[2:], "val": names[:2]}])
    assert scanwright(*words).code == 0
    write_json(file, [{"train": names[:4], "val": names[4:]}])
    ended = scanwright(*words)
    assert (ended.code, "the split has changed" in ended.err) == (2, True)


def test_without__names_that_are_cases_or_have_faults(finished):
    found = read_dataset(finished.data)
    assert len(without(found, ["p01", "p03"]).cases) == 4
    with pytest.raises(UsageError, match="no such case to exclude"):
        without(found, ["p01", "p77"])
    fault = Fault(code="missing-image", severity="error", case="lost")
    alone = Dataset(root=Path("/d"), layout="nnunet", stated="", task=made_task(), cases=(), faults=(fault,))
    assert without(alone, ["lost"]).faults == ()


def test_earlier_plan__of_another_version(tmp_path):
    write_json(tmp_path / "plan.json", {"schema_version": 99})
    with pytest.raises(IntegrityError) as caught:
        earlier_plan(tmp_path / "plan.json")
    assert "--restart" in caught.value.hint


def test_split_cases__a_file_that_sets_test_cases_apart_alone(finished, tmp_path):
    dataset = read_dataset(finished.data)
    file = write_text(
        tmp_path / "s.csv", "case,split\n" + "".join(f"p{n:02d},{'train' if n else 'test'}\n" for n in range(6))
    )
    given = given_splits(dataset, file)
    found = split_cases(dataset, check(dataset), Settings(folds=5), given=given)
    assert found.test == ("p00",) and len(found.folds) == 5
    assert all("p00" not in (*fold.train, *fold.validation) for fold in found.folds)
    assert found.stated.startswith("a test split as s.csv says; 5 folds of 1 validation cases")
