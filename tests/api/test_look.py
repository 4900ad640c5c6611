"""Looking at data, and the example of it all."""

import json
from pathlib import Path

import pytest

import scanwright as package
from made_folders import nnunet_folder, write_text
from scanwright.api import look
from scanwright.api.look import inspect, make_phantom
from scanwright.errors import InputError


def test_inspect__sound(finished):
    told = []
    found = package.inspect(finished.data, tell=told.append)
    assert found.dataset.layout == "nnunet"
    assert (len(found.dataset.cases), found.checks.errors) == (6, ())
    assert found.fingerprint.num_cases == 6
    assert told[-1].done == told[-1].total == 6
    plain = found.to_json()
    assert plain == json.loads(json.dumps(plain, allow_nan=False))
    assert list(plain) == ["root", "layout", "stated", "task", "cases", "errors", "faults", "fingerprint"]


def test_inspect__faults_are_listed_not_raised(tmp_path):
    data = nnunet_folder(tmp_path / "data", cases=3)
    write_text(data / "imagesTr/p01_0000.nii.gz", "not an image")
    found = inspect(data)
    assert [(fault.case, fault.code) for fault in found.checks.errors] == [("p01", "unreadable-image")]
    assert found.to_json()["errors"] == 1
    assert inspect(data, exclude=["p01"]).checks.errors == ()


def test_inspect__nothing_readable(tmp_path):
    data = nnunet_folder(tmp_path / "data", cases=1)
    write_text(data / "imagesTr/p00_0000.nii.gz", "not an image")
    found = inspect(data)
    assert found.fingerprint is None
    assert found.to_json()["fingerprint"] is None


def test_inspect__nothing_there(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        inspect(tmp_path / "nothing")


def test_phantom__the_same_again(tmp_path):
    folder = make_phantom(tmp_path / "p", subjects=2)
    before = {path.name: path.read_bytes() for path in folder.rglob("*.nii.gz")}
    assert make_phantom(tmp_path / "p", subjects=2) == folder
    assert {path.name: path.read_bytes() for path in folder.rglob("*.nii.gz")} == before
    assert len(before) == 6


@pytest.mark.parametrize("out", ["demo", "a/b/demo", "."])
def test_demo__where_things_lie(tmp_path, monkeypatch, out):
    """The scans beside the run folder, also when that is the current folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    asked = {}

    def train(data, **given):
        asked.update(given, data=data)

    monkeypatch.setattr(look, "train", train)
    monkeypatch.setattr(look, "make_phantom", lambda folder, tell: folder)
    look.demo(out, budget_s=60)
    run = Path.cwd() / out
    assert asked["out"] == Path(f"{run}") == run
    assert asked["data"] == run.with_name(f"{run.name}-data")
    assert (asked["settings"].budget_s, asked["settings"].fold) == (60, 0)
