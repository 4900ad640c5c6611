"""Quantities as a network learns them."""

import json

import numpy as np
import pytest

from scanwright.dataset.declare import make_quantity_task, read_declaration
from scanwright.dataset.task import Channel, Task
from scanwright.errors import InputError
from scanwright.plan.plan import TargetPlan
from scanwright.problem.regression import Regression


def task(*names, units=()):
    channels = (Channel(name="X", modality="xray"),)
    return Task(name="t", kind="regression", quantities=names, units=units, channels=channels)


def test_units__as_stated_else_as_the_name_ends():
    assert Regression(task("age (years)", "size_px", "score")).units == ("years", "px", "")
    assert Regression(task("volume_ml", "score", units=("", "points"))).units == ("ml", "points")
    assert Regression(task("score", units=("points",))).found(np.array([3.0]))["units"] == {"score": "points"}


def test_units__declared_in_the_folder(tmp_path):
    def made(units):
        (tmp_path / "scanwright.json").write_text(json.dumps({"units": units}))
        return make_quantity_task(
            read_declaration(tmp_path),
            name="t",
            channels=[Channel(name="X", modality="xray")],
            quantities=["a", "b"],
            source="table",
            where=tmp_path,
        )

    assert made({"b": "mmHg"}).units == ("", "mmHg") and made({}).units == ()
    with pytest.raises(InputError, match="units of what is no quantity here"):
        made({"c": "mmHg"})


def test_doubts__of_what_lies_far_from_what_was_learned():
    planned = Regression(task("a", "b"), TargetPlan(center=(10.0, 0.0), scale=(1.0, 5.0)))
    assert planned.doubts(np.array([12.0, 14.0])) == ()
    assert planned.doubts(np.array([14.0, 14.0])) == (
        "a 14 is far from what was learned from (10 with a deviation of 1)",
    )
    assert Regression(task("a", "b")).doubts(np.array([1e6, 1e6])) == ()  # nothing is known of what was learned
