"""What is decided before training, and written down."""

import json
import shutil
from pathlib import Path

import pytest

from made_folders import made_task, write_json
from scanwright.api.run import Run
from scanwright.api.study import content_digest, earlier_plan, require_unchanged, without
from scanwright.dataset.cases import Dataset, Fault
from scanwright.dataset.checks import Checks, check
from scanwright.dataset.read import read_dataset
from scanwright.errors import IntegrityError, UsageError


def test_records__of_a_finished_run(finished):
    """Each stage has left its result, as plain JSON that says what was decided."""
    read = {
        name: json.loads((finished.run / f"{name}.json").read_text())
        for name in ("task", "checks", "splits", "plan", "run")
    }
    assert [region["name"] for region in read["task"]["regions"]] == ["liver", "tumour"]
    assert (read["checks"]["layout"], read["checks"]["faults"], len(read["checks"]["facts"])) == ("nnunet", [], 6)
    assert sorted(name for fold in read["splits"]["folds"] for name in fold["validation"]) == [
        f"p{n:02d}" for n in range(6)
    ]
    assert read["plan"]["why"]["batch.patch"]["source"] == "--set"
    assert list(read["run"]["stages"]) == [
        "check",
        "plan",
        "prepare",
        "train",
        "predict",
        "evaluate",
        "package",
        "report",
    ]
    assert read["run"]["data"] == read["checks"]["content"]


def test_content_digest__of_voxels_not_of_names_or_times(finished, tmp_path):
    before = content_digest(check(read_dataset(finished.data)))
    copied = Path(shutil.copytree(finished.data, tmp_path / "elsewhere"))
    assert content_digest(check(read_dataset(copied))) == before
    shutil.copy(copied / "imagesTr/p00_0000.nii.gz", copied / "imagesTr/p01_0000.nii.gz")
    assert content_digest(check(read_dataset(copied))) != before


def test_require_unchanged(tmp_path):
    run, checks = Run(tmp_path, ""), Checks(faults=(), facts={})
    write_json(tmp_path / "checks.json", {"content": "of other data"})
    require_unchanged(run, checks)  # nothing planned yet
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(UsageError, match="the data have changed"):
        require_unchanged(run, checks)
    write_json(tmp_path / "checks.json", {"content": content_digest(checks)})
    require_unchanged(run, checks)


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
