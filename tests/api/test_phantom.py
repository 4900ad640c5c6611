"""The verb that draws cohorts."""

import json

import pytest

from scanwright import cli
from scanwright.api.look import inspect
from scanwright.api.phantom import make_phantom_cohort
from scanwright.errors import UsageError
from scanwright.files import read_json, sha256_file

SMALL = {"modality": "us", "task": "classification", "subjects": 6}


def hashes(folder):
    return {path.name: sha256_file(path) for path in folder.rglob("*") if path.is_file()}


def test_make_phantom_cohort__clean_and_again(tmp_path):
    told = []
    found = make_phantom_cohort(tmp_path / "data", **SMALL, tell=told.append)
    assert (found.cases, found.patients, found.planted) == (7, 6, ())
    assert told
    before = hashes(found.folder)
    assert make_phantom_cohort(tmp_path / "data", **SMALL) == found
    assert hashes(found.folder) == before
    assert inspect(found.folder).checks.errors == ()


def test_make_phantom_cohort__faults_are_planted_once_and_written_down(tmp_path):
    asked = {**SMALL, "faults": ["exact-duplicate", "shortcut-mark"]}
    found = make_phantom_cohort(tmp_path, **asked)
    assert [one["fault"] for one in found.planted] == ["exact-duplicate", "shortcut-mark"]
    assert read_json(tmp_path / "planted.json")["planted"] == list(found.planted)
    assert all((tmp_path / file).is_file() for one in found.planted for file in one["files"])
    before = hashes(tmp_path)
    assert make_phantom_cohort(tmp_path, **asked) == found
    assert hashes(tmp_path) == before
    assert "duplicate-image" in {fault.code for fault in inspect(tmp_path).checks.faults}
    with pytest.raises(UsageError, match="planted in this folder before"):
        make_phantom_cohort(tmp_path, **SMALL)


def test_make_phantom_cohort__nothing_is_written_for_what_is_impossible(tmp_path):
    for wrong in (
        {"faults": ["gremlins"]},
        {"modality": "mr", "format": "png"},
        {"task": "detection", "format": "dicom"},
    ):
        with pytest.raises(UsageError):
            make_phantom_cohort(tmp_path / "data", **{**SMALL, **wrong})
    assert not (tmp_path / "data").exists()


def test_phantom__as_a_command(tmp_path, capsys):
    words = [
        "phantom",
        "-o",
        str(tmp_path / "d"),
        "--modality",
        "us",
        "--task",
        "detection",
        "--subjects",
        "3",
        "--json",
    ]
    assert cli.exit_code(words) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["cases"], said["planted"]) == (3, [])
    assert cli.exit_code(["phantom", "-o", str(tmp_path / "e"), "--modality", "ct", "--format", "png"]) == 2
    assert "nifti or dicom" in capsys.readouterr().err


def test_make_phantom_cohort__of_the_chest(tmp_path):
    found = make_phantom_cohort(tmp_path / "chest", part="chest", modality="ct", subjects=1)
    assert inspect(found.folder).checks.errors == ()


@pytest.mark.parametrize(
    "wrong", [{"modality": "xray"}, {"task": "classification"}, {"format": "dicom"}, {"faults": ["exact-duplicate"]}]
)
def test_make_phantom_cohort__what_there_is_of_the_abdomen_alone(tmp_path, wrong):
    with pytest.raises(UsageError, match="chest and head"):
        make_phantom_cohort(tmp_path / "x", **{"part": "head", "subjects": 3, **wrong})
    assert not (tmp_path / "x").exists()
