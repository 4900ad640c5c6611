"""From label maps to metrics.json and cases.csv."""

import csv
import io
import json
import time

import numpy as np
import pytest

from scanwright.errors import GeometryError, InputError, UsageError
from scanwright.evaluation.intervals.statistics import bootstrap_mean
from scanwright.evaluation.label_maps.evaluate import CaseRow, evaluate_case, region_means, rows_to_csv, summarise
from scanwright.evaluation.label_maps.measures import describe_measures

REGIONS = {"Anterior": (1,), "Posterior": (2,)}


def row(case: str, anterior: float | None, posterior: float | None, **fields) -> CaseRow:
    """A case with a Dice for each region, and distances where there is an overlap."""
    metrics = {
        name: {"dice": value, "sensitivity": value, "hd95_mm": 2.0 if value else None}
        for name, value in (("Anterior", anterior), ("Posterior", posterior))
    }
    return CaseRow(case=case, metrics=metrics, **{"patient": case, **fields})


def summary(rows, **options):
    return summarise(rows, problem="segmentation", primary="dice", regions=list(REGIONS), samples=500, **options)


# One case


def test_case__by_hand():
    truth, prediction = np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)
    truth[0, 0, :4], truth[2, 2, :2] = 1, 2
    prediction[0, 0, :2] = 1
    found = evaluate_case(truth, prediction, regions=REGIONS, spacing=(1.0, 1.0, 2.0))
    anterior, posterior = found["Anterior"], found["Posterior"]
    assert anterior["dice"] == pytest.approx(4 / 6)
    assert anterior["specificity"] == 1.0
    assert anterior["volume_error_ml"] == pytest.approx(4 / 1000)
    assert anterior["hd95_mm"] == pytest.approx(np.percentile([0, 0, 2, 4], 95))
    assert anterior["nsd_voxel"] == pytest.approx(5 / 6)  # tolerance 2 mm, the longest edge
    assert posterior["dice"] == posterior["nsd"] == posterior["precision"] == 0.0
    assert posterior["hd95_mm"] is posterior["asd_mm"] is None


def test_case__overlapping_regions_are_unions_on_both_sides():
    truth, prediction = np.zeros((3, 3, 8), np.uint8), np.zeros((3, 3, 8), np.uint8)
    truth[1, 1, 1:4], truth[1, 1, 4:7] = 1, 2
    prediction[1, 1, 1:5], prediction[1, 1, 5:7] = 1, 2
    nested = {"whole": (1, 2), "core": (2,)}
    found = evaluate_case(truth, prediction, regions=nested, spacing=(1, 1, 1))
    assert found["whole"]["dice"] == 1.0
    assert found["core"]["dice"] == pytest.approx(4 / 5)
    masks = {"whole": prediction > 0, "core": prediction == 2}
    assert evaluate_case(truth, masks, regions=nested, spacing=(1, 1, 1)) == found


def test_case__ignored_voxels_are_in_no_mask_and_no_background():
    truth = np.zeros((1, 1, 10), np.uint8)
    truth[0, 0, :3], truth[0, 0, 3:6] = 1, 9
    prediction = np.zeros_like(truth)
    prediction[0, 0, :7] = 1
    found = evaluate_case(truth, prediction, regions={"lesion": (1,)}, spacing=(1, 1, 1), ignore=9)["lesion"]
    assert found["dice"] == pytest.approx(6 / 7)
    assert found["specificity"] == pytest.approx(3 / 4)
    assert found["volume_error_ml"] == pytest.approx(0.001)
    given = evaluate_case(truth, {"lesion": prediction > 0}, regions={"lesion": (1,)}, spacing=(1, 1, 1), ignore=9)
    assert given["lesion"] == found


def test_case__image_in_pixels():
    truth, prediction = np.zeros((20, 20, 1), np.uint8), np.zeros((20, 20, 1), np.uint8)
    truth[5:10, 5:10, 0], prediction[5:10, 7:12, 0] = 255, 255
    found = evaluate_case(truth, prediction, regions={"lung": (255,)}, spacing=(1, 1, 1), unit="px")["lung"]
    assert found["hd95_px"] == 2.0
    assert found["area_error_px"] == 0.0
    assert not any(name.endswith(("mm", "ml")) for name in found)


def test_case__empty_everywhere():
    nothing = np.zeros((4, 4, 4), np.uint8)
    found = evaluate_case(nothing, nothing, regions=REGIONS, spacing=(1, 1, 1))["Anterior"]
    assert {name for name, value in found.items() if value is not None} == {
        "specificity",
        "volume_error_ml",
        "volume_bias_ml",
    }
    assert found["specificity"] == 1.0


def test_case__is_plain_json():
    truth = np.random.default_rng(0).integers(0, 3, (6, 6, 6)).astype(np.int16)
    found = evaluate_case(truth, truth[::-1], regions=REGIONS, spacing=np.ones(3))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert all(type(value) is float for scores in found.values() for value in scores.values())


def test_case__does_not_touch_its_input():
    truth, prediction = (np.random.default_rng(k).integers(0, 4, (6, 6, 6)).astype(np.uint8) for k in range(2))
    before = truth.copy(), prediction.copy()
    evaluate_case(truth, prediction, regions=REGIONS, spacing=(1, 1, 1), ignore=3)
    assert np.array_equal(truth, before[0])
    assert np.array_equal(prediction, before[1])
    truth.flags.writeable = prediction.flags.writeable = False
    evaluate_case(truth, prediction, regions=REGIONS, spacing=(1, 1, 1), ignore=3)


def test_case__stated_tolerance():
    truth, prediction = np.zeros((9, 3, 3), np.uint8), np.zeros((9, 3, 3), np.uint8)
    truth[2, 1, 1], prediction[5, 1, 1] = 1, 1
    scores = [
        evaluate_case(truth, prediction, regions={"a": (1,)}, spacing=(1, 1, 1), tolerance=limit)["a"]["nsd_voxel"]
        for limit in (2.9, 3.0)
    ]
    assert scores == [0.0, 1.0]


def test_case__what_is_refused():
    labels = np.zeros((3, 3, 3), np.uint8)
    with pytest.raises(GeometryError, match="different shapes"):
        evaluate_case(labels, labels[:2], regions=REGIONS, spacing=(1, 1, 1))
    with pytest.raises(InputError, match="whole numbers"):
        evaluate_case(labels, labels.astype(float), regions=REGIONS, spacing=(1, 1, 1))
    with pytest.raises(UsageError, match="not predicted"):
        evaluate_case(labels, {"Anterior": labels > 0}, regions=REGIONS, spacing=(1, 1, 1))
    with pytest.raises(GeometryError, match="spacing"):
        evaluate_case(labels, labels, regions=REGIONS, spacing=(1, 1))


@pytest.mark.data
def test_case__hippocampus_in_milliseconds(data_folder):
    import nibabel

    path = sorted((data_folder / "hippocampus_mri" / "labelsTr").glob("*.nii.gz"))[0]
    labels = np.asanyarray(nibabel.load(path).dataobj).astype(np.uint8)
    shifted = np.roll(labels, 1, axis=0)
    seconds = []
    for _ in range(10):
        start = time.process_time()
        found = evaluate_case(labels, shifted, regions=REGIONS, spacing=(1, 1, 1))
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.015
    assert all(0.8 < scores["dice"] < 1 and scores["hd95_mm"] == 1.0 for scores in found.values())


# Rows


def test_flags__which_mask_was_empty():
    truth, prediction = np.zeros((3, 3, 3), np.uint8), np.zeros((3, 3, 3), np.uint8)
    truth[0], truth[1] = 1, 2
    prediction[0], prediction[2] = 1, 3
    regions = {"found": (1,), "lost": (2,), "made up": (3,), "nowhere": (4,)}
    for unit in ("mm", "px"):
        scores = evaluate_case(truth, prediction, regions=regions, spacing=(1, 1, 1), unit=unit)
        case = CaseRow(case="a", patient="a", metrics=scores)
        assert case.flags == ("missed:lost", "invented:made up", "absent:nowhere")


def test_summary__headline_is_over_regions_then_over_cases():
    """Case b has one region only: its mean counts as much as the others'. Over all scores at once it would be 0.72."""
    found = summary([row("a", 0.9, 0.7), row("b", 0.5, None), row("c", 0.8, 0.7)])
    assert found["overall"]["dice"]["mean"] == pytest.approx((0.8 + 0.5 + 0.75) / 3)
    assert (found["overall"]["dice"]["n"], found["overall"]["dice"]["n_defined"]) == (3, 3)
    assert found["by_class"]["Posterior"]["dice"]["mean"] == pytest.approx(0.7)
    assert (found["by_class"]["Posterior"]["dice"]["n"], found["by_class"]["Posterior"]["dice"]["n_defined"]) == (3, 2)
    assert found["by_class"]["Posterior"]["dice"]["ci95"] is None  # two patients
    assert (found["problem"], found["primary"], found["cases"], found["patients"]) == ("segmentation", "dice", 3, 3)
    assert "test" not in found
    assert "nsd_tolerance" not in found


def test_summary__intervals_are_by_patient():
    values = [0.9, 0.9, 0.5, 0.5, 0.7, 0.7, 0.8, 0.8, 0.6, 0.6]
    rows = [row(str(k), value, value, patient=f"P{k // 2}") for k, value in enumerate(values)]
    found = summary(rows, seed=3)
    assert found["patients"] == 5
    expected = bootstrap_mean(values, [r.patient for r in rows], seed=3, samples=500)
    assert found["overall"]["dice"]["ci95"] == pytest.approx(list(expected))


def test_summary__groups_and_folds():
    rows = [
        row("a", 0.9, 0.9, fold=1, groups={"sex": "F"}),
        row("b", 0.7, 0.7, fold=0, groups={"sex": "M", "site": "Ulm"}),
        row("c", 0.5, 0.5, fold=1, groups={"sex": "F"}),
    ]
    found = summary(rows)
    assert list(found["by_group"]) == ["sex", "site"]
    assert found["by_group"]["sex"]["F"]["dice"]["mean"] == pytest.approx(0.7)
    assert found["by_group"]["sex"]["F"]["dice"]["n"] == 2
    assert found["by_group"]["site"]["(not stated)"]["dice"]["n"] == 2
    assert list(found["by_fold"]) == ["0", "1"]
    assert found["by_fold"]["1"]["dice"] == {"mean": pytest.approx(0.7), "ci95": None, "n": 2, "n_defined": 2}


def test_summary__flags_are_counted():
    rows = [row("a", 0.9, 0.0), row("b", 0.0, 0.0), row("c", 0.8, 0.7)]
    assert summary(rows)["flags"] == {
        "missed": {"Anterior": 1, "Posterior": 2},
        "invented": {"Anterior": 0, "Posterior": 0},
        "absent": {"Anterior": 0, "Posterior": 0},
    }
    distance = summary(rows)["by_class"]["Posterior"]["hd95_mm"]
    assert (distance["mean"], distance["n"], distance["n_defined"]) == (2.0, 3, 1)


def test_region_means__worked_by_hand():
    """Of a distance a case has a mean only without a failure; a region that is nowhere does not count; Dice always has one."""
    rows = [
        row("all found", 0.8, 0.6),
        row("one missed", 0.8, 0.0),
        row("one nowhere", 0.8, None),
        CaseRow(
            case="one invented",
            patient="i",
            metrics={
                "Anterior": {"dice": 0.8, "sensitivity": 0.8, "hd95_mm": 2.0},
                "Posterior": {"dice": 0.0, "sensitivity": None, "hd95_mm": None},
            },
        ),
        row("none anywhere", None, None),
    ]
    assert [one.flags for one in rows] == [
        (), ("missed:Posterior",), ("absent:Posterior",), ("invented:Posterior",), ("absent:Anterior", "absent:Posterior"),
    ]  # fmt: skip
    found = region_means(rows, regions=list(REGIONS), measures=["dice", "sensitivity", "hd95_mm"])
    nan = np.nan
    expected = [[0.7, 0.7, 2.0], [0.4, 0.4, nan], [0.8, 0.8, 2.0], [0.4, 0.8, nan], [nan, nan, nan]]
    assert found == pytest.approx(np.array(expected), nan_ok=True)
    assert region_means([], regions=list(REGIONS), measures=["dice"]).shape == (0, 1)


def test_summary__a_missed_structure_makes_nothing_better():
    """Six cases, one structure far off: where it is missed or invented, no mean gets better unless fewer cases have one.

    But for sensitivity, as there is less to find, and specificity, as less is made up.
    """
    regions = {"near": (1,), "far": (2,)}

    def rows(change: str) -> list[CaseRow]:
        made = []
        for k in range(6):
            truth, prediction = np.zeros((12, 12, 12), np.uint8), np.zeros((12, 12, 12), np.uint8)
            truth[2:5, 2:5, 2:5], prediction[2:5, 2:5, 2:6] = 1, 1
            truth[8:10, 8:10, 1:4], prediction[8:10, 8:10, 6:9] = 2, 2
            if k < 2 and change == "missed":
                prediction[prediction == 2] = 0
            if k < 2 and change == "invented":
                truth[truth == 2] = 0
            scores = evaluate_case(truth, prediction, regions=regions, spacing=(1, 1, 1), tolerance=1.0)
            made.append(CaseRow(case=str(k), patient=str(k), metrics=scores))
        return made

    def overall(change: str) -> dict:
        return summarise(
            rows(change), problem="segmentation", primary="dice", regions=list(regions), samples=50
        )["overall"]  # fmt: skip

    before = overall("")
    for change in ("missed", "invented"):
        after = overall(change)
        for name, measure in describe_measures("mm").items():
            if name in ("sensitivity", "specificity"):
                continue
            worse = {"higher": -1, "lower": 1, "zero": 0}[measure.better]
            fewer = after[name]["n_defined"] < before[name]["n_defined"]
            assert fewer or (after[name]["mean"] - before[name]["mean"]) * worse >= -1e-12, name
        assert (after["hd95_mm"]["n"], after["hd95_mm"]["n_defined"]) == (6, 4)
        assert (after["asd_mm"]["n_defined"], after["dice"]["n_defined"], after["nsd"]["n_defined"]) == (4, 6, 6)
        assert after["hd95_mm"]["mean"] == pytest.approx(before["hd95_mm"]["mean"])


def test_summary__test_split_apart():
    found = summary([row("a", 0.9, 0.7)], test=[row("t", 0.4, 0.6), row("u", 0.4, None)], tolerance=1)
    assert found["overall"]["dice"]["mean"] == pytest.approx(0.8)
    assert found["test"]["overall"]["dice"]["mean"] == pytest.approx(0.45)
    assert found["test"]["cases"] == 2
    assert set(found["test"]) == set(found) - {"problem", "primary", "test", "nsd_tolerance"}
    assert found["nsd_tolerance"] == 1.0


def test_summary__nothing_defined_is_null():
    found = summary([row("a", None, None)])
    assert found["overall"]["dice"] == {"mean": None, "ci95": None, "n": 1, "n_defined": 0}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_summary__nothing_to_summarise():
    with pytest.raises(UsageError, match="nothing to summarise"):
        summary([])
    with pytest.raises(UsageError, match="nothing to summarise"):
        summarise([row("a", 0.9, 0.7)], problem="segmentation", primary="auroc", regions=list(REGIONS))


def test_summary__same_seed_same_bytes():
    rows = [row(str(k), 0.5 + 0.04 * k, 0.9 - 0.03 * k) for k in range(10)]
    assert json.dumps(summary(rows, seed=1)) == json.dumps(summary(rows, seed=1))


def test_csv__a_row_a_case():
    rows = [
        row("a", 0.9, 0.7, fold=2, groups={"site": "Ulm, Süd"}),
        row('b "2"', 1 / 3, 0.0, patient="P7"),
    ]
    text = rows_to_csv(rows, regions=list(REGIONS))
    assert text.endswith("\n")
    table = list(csv.DictReader(io.StringIO(text)))
    assert list(table[0]) == [
        "case", "patient", "fold", "flags", "site", "dice", "sensitivity", "hd95_mm",
        *(f"{name}[{region}]" for region in REGIONS for name in ("dice", "sensitivity", "hd95_mm")),
    ]  # fmt: skip
    assert (table[0]["case"], table[0]["fold"], table[0]["flags"], table[0]["site"]) == ("a", "2", "", "Ulm, Süd")
    assert float(table[0]["dice"]) == pytest.approx(0.8)
    assert (table[1]["case"], table[1]["patient"], table[1]["fold"]) == ('b "2"', "P7", "")
    assert (table[1]["flags"], table[1]["hd95_mm[Posterior]"], table[1]["site"]) == ("missed:Posterior", "", "")
    assert table[1]["dice[Anterior]"] == "0.333333333"
    assert (table[0]["hd95_mm"], table[1]["hd95_mm"], table[1]["hd95_mm[Anterior]"]) == ("2", "", "2")  # one was missed
