"""The learning-rate finder as a user calls it."""

import json

import pytest

from made_images import class_folder

NETWORK = (
    *("--set", "network.widths=[8,16]", "--set", "network.blocks=[1,1]", "--set", "network.strides=[[1,1,1],[1,2,2]]"),
    *("--set", "network.kernels=[[1,3,3],[1,3,3]]", "--set", "batch.size=8", "--folds", "2", "--device", "cpu"),
)


@pytest.fixture(scope="module")
def ramped(tmp_path_factory, scanwright):
    """A finished ramp."""
    folder = tmp_path_factory.mktemp("rate")
    data = class_folder(folder / "data", each=12)
    command = ("find-rate", data, *NETWORK, "--steps", "60", "-o", folder / "out")
    ended = scanwright(*command, "--json")
    assert ended.code == 0, ended.err
    return folder, command, json.loads(ended.out)


def test_find_rate__says_what_and_why_and_beside_what(ramped):
    folder, _, found = ramped
    assert json.loads((folder / "out" / "rate.json").read_text())["suggested"] == found["suggested"]
    assert found["planned"] == 0.006 and found["optimizer"] == "muon"
    assert found["suggested"] is None or 6e-6 < found["suggested"] < 0.2
    assert found["reason"] and "planned rate" in found["beside"]
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"]) <= 60
    assert found["rates"] == sorted(found["rates"]) and found["rates"][0] == pytest.approx(6e-6)
    picture = (folder / "out" / "rate.svg").read_text()
    assert "learning rate" in picture and "loss (ce) of a step" in picture


def test_find_rate__sees_training_cases_of_one_fold_alone(ramped):
    folder, _, _ = ramped
    fold = json.loads((folder / "out" / "splits.json").read_text())["folds"][0]
    stored = len(list((folder / "out" / "store").glob("??/*/info.json")))
    assert stored <= len(fold["train"]) + len(fold["validation"])
    assert not (folder / "out" / "folds").exists() and not (folder / "out" / "model.swm").exists()


def test_find_rate__once_more_is_the_same(ramped, scanwright):
    folder, command, found = ramped
    ended = scanwright(*command)
    assert ended.code == 0, ended.err
    assert json.loads((folder / "out" / "rate.json").read_text())["losses"] == found["losses"]
    assert ended.out.startswith("rate ") and "planned  the planned rate" in ended.out


def test_find_rate__not_of_what_takes_no_steps(scanwright, tmp_path):
    from normal_samples import masked_pictures

    data = masked_pictures(tmp_path / "data", normal=12, abnormal=4)
    ended = scanwright(
        "find-rate", data or tmp_path / "data", "--task", "anomaly", "--folds", "2", "-o", tmp_path / "out"
    )
    assert ended.code == 2 and "takes no steps" in ended.err
