"""Segmentation with findings: judged one by one, placed in anatomy, and told for the report of a study."""

import csv
import io
import json
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest

from made_folders import made_case, write_nifti
from scanwright.dataset.phantom.bodies import BODIES
from scanwright.dataset.phantom.cohort import draw_scan, render
from scanwright.dataset.task import Channel, Region, Task
from scanwright.figures.overlay import CT_LUNG, CT_SOFT_TISSUE
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation
from scanwright.geometry.volume import Volume
from scanwright.problem.label_maps.lesions import lesion_results
from scanwright.problem.label_maps.study import beside
from scanwright.problem.segmentation import Segmentation
from scanwright.problem.windows import window_of

SHAPE = (30, 24, 8)
GRID = Grid(SHAPE, np.diag([2.0, 2.0, 4.0, 1.0]), "mm")
VALUES = {"left lung": 1, "right lung": 2, "nodule": 3}


def task(**more):
    regions = tuple(Region(name=name, values=(value,)) for name, value in VALUES.items())
    return Task(name="chest", channels=(Channel(name="CT", modality="ct"),), regions=regions, **more)


def labels(*nodules):
    values = np.zeros(SHAPE, dtype=np.uint8)
    values[2:14, 2:22, 1:7], values[16:28, 2:22, 1:7] = 1, 2
    for i, j in nodules:
        values[i : i + 3, j : j + 3, 3:5] = 3
    return values


def test_task__findings_are_declared_or_known_by_their_names():
    assert task().abnormal == ("nodule",)
    assert task(findings=()).abnormal == () and task(findings=("left lung",)).abnormal == ("left lung",)
    with pytest.raises(ValueError, match="findings that are no regions: heart"):
        task(findings=("heart",))


def rows(tmp_path, problem):
    """Six patients: one nodule on the left each; the last one is missed, the first has a false one on the right."""
    found = []
    for number in range(6):
        true = labels((5, 8))
        file = write_nifti(tmp_path / f"c{number}.nii.gz", true, affine=GRID.affine)
        answered = labels(*([(5, 8)] if number < 5 else []), *([(20, 8)] if number == 0 else []))
        case = made_case(f"c{number}", label=file)
        found.append(problem.row(case, Volume(answered[None], GRID), fold=0, yardstick=2.0))
    return found


def test_summary__findings_have_a_part_of_their_own(tmp_path):
    problem = Segmentation(task())
    judged = rows(tmp_path, problem)
    summary = problem.summary(judged, [], seed=0, yardstick=2.0)
    nodule = summary["findings"]["by_class"]["nodule"]
    assert nodule["lesion_sensitivity"]["mean"] == pytest.approx(5 / 6)
    assert nodule["false_lesions_per_case"]["mean"] == pytest.approx(1 / 6)
    assert nodule["region_accuracy"]["mean"] == 1.0  # a nodule is cut out of its lung, and lies in it
    assert nodule["burden_bias_ml"]["mean"] == pytest.approx(0.0)
    json.dumps(summary, allow_nan=False)
    assert lesion_results("Test split", {}, judged) == ()
    shown, by_region = lesion_results("Cross-validation", summary, judged)
    assert shown.name == "Cross-validation: findings" and [row.region for row in shown.regions] == ["nodule"]
    assert shown.overall["lesion_sensitivity"].mean == pytest.approx(5 / 6)
    assert by_region.name == "Cross-validation: findings by region" and not by_region.overall
    rows_of = {row.region: row.metrics for row in by_region.regions}
    assert list(rows_of) == ["left lung", "right lung", "outside all regions"]
    assert rows_of["left lung"]["lesion_sensitivity"].mean == pytest.approx(5 / 6)
    assert rows_of["right lung"]["false_lesions"].mean == 1 and rows_of["right lung"]["lesion_sensitivity"].mean is None
    (figure,) = shown.figures
    drawn = [panel.decode() for panel in figure.panels]
    assert len(drawn) == 2 and all(f"c{number}: true 0." in plot for plot in drawn for number in range(6))
    assert "true, ml" in drawn[0] and "predicted less true, ml" in drawn[1] and "burden" in figure.caption
    plain = Segmentation(task(findings=()))
    assert "findings" not in plain.summary(rows(tmp_path, plain), [], seed=0, yardstick=2.0)


def test_table__numbers_and_burden_of_findings_in_each_case(tmp_path):
    problem = Segmentation(task())
    judged = rows(tmp_path, problem)
    unknown = replace(judged[1], case="u", lesions={})
    table = list(csv.DictReader(io.StringIO(problem.table([*judged, unknown]))))
    words = ("true_lesions", "found_lesions", "lesion_hits", "false_lesions")
    counts = [[row[f"{word}[nodule]"] for word in words] for row in table]
    assert counts == [["1", "2", "1", "1"], *[["1", "1", "1", "0"]] * 4, ["1", "0", "0", "0"], [""] * 4]
    one = 18 * GRID.voxel_volume / 1000
    burdens = [(row["true_burden_ml[nodule]"], row["found_burden_ml[nodule]"]) for row in table]
    expected = [(one, 2 * one), *[(one, one)] * 4, (one, 0)]
    np.testing.assert_allclose([list(map(float, pair)) for pair in burdens[:-1]], expected)
    assert burdens[-1] == ("", "") and "true_lesions[left lung]" not in table[0]
    plain = Segmentation(task(findings=()))
    assert "lesions" not in plain.table(rows(tmp_path, plain))


def test_study__a_table_and_pictures():
    image = Volume(np.random.default_rng(0).normal(0, 20, (1, *SHAPE)).astype(np.float32), GRID)
    answer = Volume(labels((5, 8), (20, 10))[None], GRID)
    sure = np.full(SHAPE, 204, dtype=np.uint8)
    part = Segmentation(task()).study(image, answer, sure=sure)
    assert [(one.kind, one.region) for one in part.table.findings] == [
        ("nodule", "left lung"),
        ("nodule", "right lung"),
    ]
    assert part.with_findings  # the nodule is cut out of its lung in the labels, and counted in it
    assert part.table.findings[0].confidence == pytest.approx(0.8) and part.unit_of_value == "HU"
    pictures = (*part.images, part.picture_of(1), part.picture_of(2))
    assert [one.finding for one in pictures] == [None, 1, 2] and pictures[0].shows == "numbered"
    assert all(one.png.startswith(b"\x89PNG") for one in pictures)
    whole = part.table.regions[0]
    assert whole.name == "left lung" and whole.size == pytest.approx(12 * 20 * 6 * 16 / 1000)  # with its nodule


def test_study__a_picture_without_outlines_is_the_image():
    image = Volume(np.zeros((1, *SHAPE), np.float32), GRID)
    (whole,) = Segmentation(task()).study(image, Volume(labels()[None] * 0, GRID), sure=None).images
    assert whole.shows == "image" and whole.legend == ()


def test_study__a_finding_cut_out_of_its_lung_lies_in_it_also_where_not_all_was_looked_for_in_every_case():
    image = Volume(np.zeros((1, *SHAPE), np.float32), GRID)
    some = task().model_copy(update={"partial": (("nodule",),)})
    (row,) = Segmentation(some).study(image, Volume(labels((5, 8))[None], GRID), sure=None).table.findings
    assert row.region == "left lung"


def told(image, answer, problem):
    """What a table says of places and sizes, its rows in their order."""
    found = problem.measured(image, answer, sure=None)
    sizes = [(row.name, round(row.size, 9), row.burden) for row in found.regions]
    rows = [
        (row.kind, round(row.size, 9), row.region, row.crosses, dict(row.shares), row.share_of_region)
        for row in found.findings
    ]
    return sizes, rows, np.array([row.center for row in found.findings])


def test_study__the_table_is_the_same_whatever_the_order_of_the_axes():
    """The 48 ways to keep the voxels of one chest, with nodules on the borders of its lobes, many of them of equal size."""
    scan = draw_scan(seed=77, subject=2, shape=(44, 32, 36), varied=False, part="chest")
    values = render(scan, modality="ct", seed=77)[1].voxels
    names = BODIES["chest"].structures
    nodule = names["nodule"]
    places = np.random.default_rng(0).integers(2, 30, (3, 60))
    for steps in product((0, 1), repeat=3):
        values[0][tuple(places + np.reshape(steps, (3, 1)))] = nodule
    regions = tuple(Region(name=name, values=(value,)) for name, value in names.items())
    problem = Segmentation(task().model_copy(update={"regions": regions}))
    image = Volume(np.zeros(values.shape, np.float32), scan.grid)
    sizes, rows, centers = told(image, Volume(values, scan.grid), problem)
    assert len(rows) > 25 and sum(bool(row[3]) for row in rows) > 3 and len({row[1] for row in rows}) < len(rows) / 2
    for order, flip in product(permutations(range(3)), product((False, True), repeat=3)):
        turn = Reorientation(order, flip)
        grid = turn.grid(scan.grid)
        found = told(Volume(turn.apply(image.voxels), grid), Volume(turn.apply(values), grid), problem)
        assert found[:2] == (sizes, rows)
        np.testing.assert_allclose(found[2], centers, atol=1e-6)


def test_study__pictures_have_a_legend_and_say_their_window():
    """Air in the lungs, and a nodule of water in it: both are seen in the window of lungs."""
    values = labels((5, 8))
    image = Volume(np.where(values == 3, 0.0, -850.0)[None].astype(np.float32), GRID)
    part = Segmentation(task()).study(image, Volume(values[None], GRID), sure=None)
    (whole,), close = part.images, part.picture_of(1)
    assert [name for name, _ in whole.legend] == list(VALUES) and close.legend == ()
    assert whole.window == close.window == CT_LUNG and close.caption == "left lung"
    soft = Segmentation(task()).study(image.with_voxels(image.voxels * 0 + 40), Volume(values[None], GRID), sure=None)
    assert [one.window for one in (*soft.images, soft.picture_of(1))] == [CT_SOFT_TISSUE, CT_SOFT_TISSUE]


def test_study__the_legend_has_what_the_picture_cuts_through():
    """Planes go through the nodule on the left; the spine lies behind it, in none of them."""
    values = labels((5, 8))
    values[28:30, 0:2, 0:1] = 4
    regions = (*task().regions, Region(name="spine", values=(4,)))
    whole_task = task().model_copy(update={"regions": regions})
    image = Volume(np.zeros((1, *SHAPE), np.float32), GRID)
    (whole,) = Segmentation(whole_task).study(image, Volume(values[None], GRID), sure=None).images
    assert [name for name, _ in whole.legend] == ["left lung", "right lung", "nodule"]


def test_window_of__what_has_no_unit_has_no_window():
    plain = task().model_copy(update={"channels": (Channel(name="T1", modality="mr"),)})
    assert window_of(np.zeros(3), plain) is None
    assert window_of(np.empty(0), task()) == CT_SOFT_TISSUE


def test_beside__what_lies_within_one_extent_of_a_finding():
    """A finding of 3 x 3 x 2 voxels, 2 voxels from the border along i: 2 + 3 + 3 by 9 by 6 voxels less its own 18."""
    values = labels((2, 8))
    image = np.where(values == 3, 5.0, 1.0)
    part = Segmentation(task()).study(
        Volume(image[None].astype(np.float32), GRID), Volume(values[None], GRID), sure=None
    )
    around = beside(image, part.table.findings[0])
    assert around.shape == (8 * 9 * 6 - 18,) and set(around) == {1.0}
