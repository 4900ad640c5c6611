"""Tuning of every kind of problem, on tiny data: each has a space of its own, and ends with something that is kept."""

import json

import pytest

from made_boxes import voc_folder
from made_folders import nnunet_folder
from made_images import class_folder, number_folder
from normal_samples import masked_pictures

pytest.importorskip("optuna")

SMALL = ("--trials", "2", "--budget", "1h", "--folds", "2", "--device", "cpu", "--json")
NETWORK = ("--set", "network.widths=[8,16]", "--set", "network.strides=[[1,1,1],[1,2,2]]")
KERNELS = ("--set", "network.kernels=[[1,3,3],[1,3,3]]", "--set", "network.blocks=[1,1]", "--set", "batch.size=4")
VOXELS = (
    *("--set", "batch.patch=[8,8,8]", "--set", "network.widths=[8,16]", "--set", "batch.size=2"),
    *("--set", "network.strides=[[1,1,1],[2,2,2]]", "--set", "network.kernels=[[3,3,3],[3,3,3]]"),
)
BOXES = {
    f"p{number:02d}": [("cell", 2 + number, 3, 16 + number, 17), ("cell", 20, 12 + number % 4, 34, 26 + number % 4)]
    for number in range(10)
}
KINDS = {
    "label maps": (lambda folder: nnunet_folder(folder, cases=8), ("--steps", "9", *VOXELS), "dice", "training.loss"),
    "numbers": (number_folder, ("--steps", "9", *NETWORK, *KERNELS), "r2", "training.loss"),
    "boxes": (
        lambda folder: voc_folder(folder, BOXES, test=()),
        ("--steps", "3", "--set", "batch.size=2"),
        "map50",
        "network.size",
    ),
    "what is normal": (masked_pictures, ("--task", "anomaly"), "auroc", "network.cell"),
    "classes by features": (class_folder, ("--model", "svm"), "auroc", "network.family"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_tune__every_kind(kind, scanwright, tmp_path):
    make, options, metric, parameter = KINDS[kind]
    data, run = tmp_path / "data", tmp_path / "run"
    make(data)
    ended = scanwright("tune", data, *options, *SMALL, "-o", run)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["metric"] == metric and parameter in found["space"]
    assert found["trials"]["all"] == 2
    assert found["held_out"]["default"]["n"] > 0 and "Tuning report" in (run / "report.html").read_text()
    held = set(json.loads((run / "splits.json").read_text())["folds"][0]["validation"])
    inner = {file.name.split(".")[0] for file in run.glob("trials/trial-*/predictions/*") if file.is_file()}
    assert inner and not inner & held
    if kind == "what is normal":
        assert any(name >= "p30" for name in inner), "abnormal cases judge on inner folds too"
