"""Quantities as a network learns them."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from made_folders import made_case, write_png
from scanwright.dataset.declare import make_quantity_task, read_declaration
from scanwright.dataset.task import Channel, Task
from scanwright.errors import InputError
from scanwright.evaluation.cases.judged import MeasuredCase
from scanwright.plan.plan import TargetPlan
from scanwright.problem.numbers.answers import outside_learned
from scanwright.problem.numbers.told import beyond_text
from scanwright.problem.regression import Regression
from scanwright.report.content import ReportContent
from scanwright.report.page import build


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


def test_outside_learned__what_lies_within_three_deviations_and_beyond_every_case():
    learned = {"quantities": [{"name": "area_ml", "spread": {"min": 0.76, "max": 18.04}}]}
    found = {"quantities": {"area_ml": -2.868, "other": 9.0}}
    assert outside_learned(found, learned) == ("area_ml -2.868 is outside all that was learned from (0.76 to 18.04)",)
    for value in (0.76, 5.0, 18.04):
        assert outside_learned({"quantities": {"area_ml": value}}, learned) == ()
    assert outside_learned(found, {}) == () and outside_learned({"probabilities": {"a": 1.0}}, learned) == ()


def test_beyond_text__estimates_that_no_case_has():
    def rows(*predicted):
        truths = (0.76, 5.0, None, 18.04)
        return [
            MeasuredCase(case=f"c{k}", patient=f"p{k}", fold=0, predicted=(value,), truth=(truth,))
            for k, (value, truth) in enumerate(zip(predicted, truths, strict=True))
        ]

    assert beyond_text(rows(0.8, 5.0, 18.0, 17.0), task("area_ml")) == []
    assert beyond_text(rows(-2.868, 5.0, 18.5, 17.0), task("area_ml")) == [
        "2 of 4 estimates of area_ml lie outside what is true of these cases (0.76 to 18.04), the farthest at -2.868."
    ]


def measured(place, *, truth):
    return MeasuredCase(case=f"c{place}", patient=f"p{place}", fold=0, predicted=(float(place), 1268.05), truth=truth)


def test_results__groups_are_told_by_quantity_where_units_differ():
    """Quantities in different units have no error in common, and a group had none at all."""
    problem = Regression(task("dose", "size_px", units=("mGy", "")))
    rows = [measured(place, truth=(place + 1.0, 1000.0)) for place in range(8)]
    rows = [replace(row, groups={"site": "A" if place % 2 else "B"}) for place, row in enumerate(rows)]
    summary = problem.summary(rows, [], seed=0)
    assert summary["by_group_and_class"]["site"]["A"]["dose"]["mae"]["mean"] == pytest.approx(1.0)
    (shown,) = problem.results("Cross-validation", summary, rows, facts={}, unit="px", note="")
    assert [(row.value, row.part) for row in shown.groups] == [
        (site, part) for site in ("A", "B") for part in ("", "dose", "size_px")
    ]
    assert shown.groups[1].metrics["mae"].mean == pytest.approx(1.0)
    alone = Regression(task("dose"))
    of_one = [replace(row, predicted=row.predicted[:1], truth=row.truth[:1]) for row in rows]
    (shown,) = alone.results("C", alone.summary(of_one, [], seed=0), of_one, facts={}, unit="px", note="")
    assert [row.part for row in shown.groups] == ["", ""]


def test_results__tell_truth_difference_and_units():
    """Of a case what is true, what was estimated and how far off; and the declared units wherever a number stands."""
    problem = Regression(task("dose", "size_px", units=("mGy", "")))
    rows = [measured(place, truth=(place + 0.5 * (-1) ** place, 1000.0 + place)) for place in range(6)]
    rows.append(measured(6, truth=(None, 1001.0)))
    summary = problem.summary(rows, [], seed=0)
    (shown,) = problem.results("Cross-validation", summary, rows, facts={}, unit="px", note="")
    assert shown.units == {"dose": "mGy"}  # the other says it in its name
    assert shown.cases[1].regions["dose"] == {"truth": 0.5, "estimate": 1.0, "difference": 0.5}
    assert shown.cases[6].regions["dose"] == {"truth": None, "estimate": 6.0, "difference": None}
    panels = b"".join(panel for figure in shown.figures for panel in figure.panels).decode()
    assert "true, mGy" in panels and "predicted less true, px" in panels
    page = build(
        ReportContent(
            title="T",
            created=datetime(2026, 1, 2, tzinfo=UTC),
            results=(shown,),
            region_names=problem.parts,
            wording=problem.wording,
        )
    )
    assert '<span class="ci">mGy</span>' in page and "Difference, mGy" in page and "True, mGy" in page
    assert "1268" in page and "1268.050" not in page


def test_pictures__tell_units(tmp_path):
    write_png(tmp_path / "c.png", np.zeros((8, 8), dtype=np.uint8))
    problem = Regression(task("dose", units=("mGy",)))
    rows = [MeasuredCase(case="c", patient="c", predicted=(12.3456,), truth=(11.0,))]
    case = made_case("c", images=(tmp_path / "c.png",), label=None)
    (picture,) = problem.pictures(rows, case_of=lambda _: case, answer_of=lambda _: None)
    assert [(fact.name, fact.value) for fact in picture.facts] == [("dose", "12.35 mGy, true 11 mGy")]
