"""From found and true boxes to metrics.json: its shape, its numbers, and what its intervals are made of."""

import json
from dataclasses import replace

import numpy as np
import pytest

from detected_samples import boxes_at, coco_of, made_cases
from scanwright.errors import UsageError
from scanwright.evaluation.boxes.box_matching import IOU_50, LUNA16, HitRule
from scanwright.evaluation.boxes.box_sizes import COCO_SIZES
from scanwright.evaluation.boxes.detected import DetectedCase, count_boxes, usual_froc_rule
from scanwright.evaluation.boxes.detection_columns import AT_RATES, class_measure, columns_of
from scanwright.evaluation.boxes.detection_precision import RankedBoxes
from scanwright.evaluation.boxes.froc import froc_curve
from scanwright.evaluation.boxes.matched import BY_HALVES, match_cases
from scanwright.evaluation.intervals.bootstrap import draw_counts, percentile_interval
from scanwright.evaluation.summaries.detection_summary import summarise_detection
from summary_keys import OF_CASES

CLASSES = ["nodule", "cyst"]
OVERALL = ["map50", "map5095", "map75", "froc", *AT_RATES, "ar1", "ar10", "ar100"]
BY_CLASS = [
    "ap50", "ap5095", "ap75", *OVERALL[3:], "sensitivity", "precision", "f1", "true_boxes", "hits", "misses", "false_positives",
]  # fmt: skip


def rows_of(num_cases: int, *, seed: int = 0, **words) -> list[DetectedCase]:
    """Two folds, a site for most cases, two cases of each patient."""
    return [
        replace(row, fold=k % 2, patient=f"P{k // 2}", groups={"site": "A" if k % 3 else "B"} if k % 5 else {})
        for k, row in enumerate(made_cases(num_cases, seed=seed, **words))
    ]


def summary(rows, **words):
    return summarise_detection(rows, **{"classes": CLASSES, "samples": 200, "thresholds": [0.5, 0.4]} | words)


def test_summary__shape_of_metrics_json():
    found = summary(rows_of(30), test=rows_of(12, seed=1))
    assert list(found) == [
        "problem",
        "primary",
        "hit_rule",
        *OF_CASES,
        "test",
    ]
    assert (found["problem"], found["primary"], found["cases"], found["patients"]) == ("detection", "map50", 30, 15)
    assert list(found["overall"]) == OVERALL
    assert list(found["by_class"]) == CLASSES and list(found["by_class"]["cyst"]) == BY_CLASS
    assert set(found["by_group"]["site"]) == {"(not stated)", "A", "B"} and set(found["by_fold"]) == {"0", "1"}
    assert list(found["test"]) == [
        *OF_CASES,
    ]
    for measures in (found["overall"], *found["by_class"].values(), found["by_fold"]["0"], found["test"]["overall"]):
        assert all(list(value) == ["mean", "ci95", "n", "n_defined"] for value in measures.values())
    assert all(value["ci95"] is None for value in found["by_fold"]["1"].values())
    for value in found["overall"].values():
        assert value["ci95"][0] <= value["mean"] <= value["ci95"][1]
    json.dumps(found, allow_nan=False)


def test_summary__overall_is_what_pycocotools_says():
    pytest.importorskip("pycocotools")
    rows = rows_of(20, ignored=0.2, digits=2)
    found = summary(rows, sizes=COCO_SIZES, samples=0)["overall"]
    judge = coco_of(rows, 2)
    judge.summarize()
    names = [
        "map5095", "map50", "map75", "map5095_small", "map5095_medium", "map5095_large",
        "ar1", "ar10", "ar100", "ar100_small", "ar100_medium", "ar100_large",
    ]  # fmt: skip
    expected = [None if value == -1 else pytest.approx(value, abs=1e-9) for value in judge.stats.tolist()]
    assert [found[name]["mean"] for name in names] == expected and None not in expected


def test_summary__by_class_is_what_its_cases_say():
    rows = rows_of(30, ignored=0.2)
    found = summary(rows, rule=HitRule(iou=0.1))
    cases = match_cases(rows, num_classes=2, rule=HitRule(iou=0.1))
    for code, (name, threshold) in enumerate(zip(CLASSES, (0.5, 0.4), strict=True)):
        block = {key: value["mean"] for key, value in found["by_class"][name].items()}
        curve = froc_curve(cases, code=code)
        assert [block["froc"], *(block[key] for key in AT_RATES)] == pytest.approx([curve.score, *curve.at])
        counts = [count_boxes(row, code, threshold=threshold, rule=HitRule(iou=0.1)) for row in rows]
        true, hits, misses, false = (
            sum(getattr(one, word) for one in counts) for word in ("true", "hits", "misses", "false_positives")
        )
        assert [block[key] for key in BY_CLASS[-4:]] == [true, hits, misses, false]
        assert block["sensitivity"] == hits / true and block["precision"] == hits / (hits + false)
        assert block["f1"] == pytest.approx(2 * hits / (2 * hits + misses + false))
        there = sum(one.true > 0 for one in counts)
        assert {found["by_class"][name][key]["n_defined"] for key in ("ap50", "froc", "sensitivity", "f1")} == {there}
    for key in ("map50", "froc", "ar100"):
        parts = [found["by_class"][name][class_measure(key)]["mean"] for name in CLASSES]
        assert found["overall"][key]["mean"] == pytest.approx(np.mean(parts))


def test_summary__froc_has_a_hit_rule_of_its_own():
    """A found box half as wide as the true one: its centre is right, and its IoU is 1/8."""
    row = DetectedCase(
        case="a", patient="a", found=np.array([[[2.5] * 3, [7.5] * 3]]), scores=np.ones(1), codes=np.zeros(1, int),
        true=np.array([[[0.0] * 3, [10.0] * 3]]), true_codes=np.zeros(1, int), ignored=np.zeros(1, bool),
        thresholds=(0.5, 0.5),
    )  # fmt: skip
    assert usual_froc_rule([row]) is LUNA16
    found = summary([row], thresholds=None, froc_rule=LUNA16)
    assert found["hit_rule"] == {
        "told": "IoU 0.5",
        "froc": "centre of the found box in the ellipsoid that fills the true one",
    }
    block = found["by_class"]["nodule"]
    assert (block["froc"]["mean"], block["hits"]["mean"], block["ap50"]["mean"]) == (1.0, 0, 0.0)
    same = summary([row], thresholds=None)
    assert same["overall"]["froc"]["mean"] == 0 and same["hit_rule"] == {"told": "IoU 0.5", "froc": "IoU 0.5"}
    flat = replace(row, true=np.array([[[0.0, 0.0, 0.0], [10.0, 10.0, 1.0]]]))
    assert usual_froc_rule([flat]) is IOU_50 and usual_froc_rule([flat, row]) is LUNA16


def test_summary__intervals_are_percentiles_of_draws_of_patients():
    rows = rows_of(24)
    found = summary(rows, seed=3, samples=300)["by_class"]["nodule"]["ap50"]
    owners = np.arange(24) // 2
    cases = match_cases(rows, num_classes=2)
    ranked = RankedBoxes.of(cases, owners, code=0, strays=(BY_HALVES,))
    counts = np.concatenate(list(draw_counts(13, seed=3, samples=300)))
    single = np.array([ranked.average_precision(row[None])[0, 0] for row in counts])
    assert found["ci95"] == pytest.approx(percentile_interval(single, found["mean"], num_patients=12))
    assert summary(rows, seed=3, samples=300)["by_class"]["nodule"]["ap50"] == found
    assert summary(rows, seed=4, samples=300)["by_class"]["nodule"]["ap50"] != found


def test_summary__groups_are_their_cases():
    rows = rows_of(40)
    chosen = [row for row in rows if row.groups.get("site") == "A"]
    found = summary(rows)["by_group"]["site"]["A"]
    assert found == summary(chosen)["overall"]
    fold = summary(rows)["by_fold"]["1"]
    assert fold == summary([row for row in rows if row.fold == 1], samples=0)["overall"]


def test_summary__no_error_is_no_proof():
    """All found and nothing else: 1 everywhere, and the interval still says that the cases are few."""
    rows = rows_of(20)
    perfect = [replace(row, found=row.true, codes=row.true_codes, scores=np.full(len(row.true), 0.9)) for row in rows]
    few, more = (summary(of)["overall"]["map50"] for of in (perfect[:12], perfect * 5))
    assert few["mean"] == more["mean"] == 1.0
    low, high = few["ci95"]
    assert low < 0.9 and high == 1.0
    assert summary(perfect)["overall"]["froc"]["ci95"][0] < 0.99


def test_summary__what_is_not_defined_is_none():
    rows = rows_of(20, absent=(1,))
    found = summary(rows)
    absent = found["by_class"]["cyst"]
    for name in (*BY_CLASS[:15], "sensitivity"):
        assert absent[name] == {"mean": None, "ci95": None, "n": 20, "n_defined": 0}
    assert absent["precision"]["mean"] == absent["f1"]["mean"] == 0.0  # boxes were found
    assert absent["true_boxes"]["mean"] == 0 and absent["false_positives"]["mean"] > 0
    assert found["overall"]["map50"] == found["by_class"]["nodule"]["ap50"]  # the mean over classes that occur
    empty = [
        replace(row, true=np.zeros((0, 2, 3)), true_codes=np.zeros(0, int), ignored=np.zeros(0, bool)) for row in rows
    ]
    nothing = summary(empty, sizes=COCO_SIZES)
    assert all(value["mean"] is None for value in nothing["overall"].values())
    json.dumps([found, nothing], allow_nan=False)


def test_summary__without_thresholds():
    rows = rows_of(12)
    block = summary(rows, thresholds=None)["by_class"]["nodule"]
    assert all(block[name]["mean"] is None for name in ("sensitivity", "precision", "f1", "hits", "false_positives"))
    assert block["true_boxes"]["mean"] > 0
    held = [replace(row, thresholds=(0.5, 0.4)) for row in rows]
    assert summary(held, thresholds=None) == summary(rows) == summary(rows, thresholds={0: [0.5, 0.4], 1: [0.5, 0.4]})


def test_summary__few_patients_have_no_interval():
    found = summary(rows_of(8))  # four patients
    measures = [*found["overall"].values(), *found["by_class"]["nodule"].values()]
    assert all(value["ci95"] is None for value in measures) and found["overall"]["map50"]["mean"] is not None


def test_summary__precision_of_nothing_found():
    true = boxes_at([(0, 0, 9, 9)])
    row = DetectedCase(
        case="a", patient="a", found=np.zeros((0, 2, 3)), scores=np.zeros(0), codes=np.zeros(0, int),
        true=true, true_codes=np.zeros(1, int), ignored=np.zeros(1, bool),
    )  # fmt: skip
    block = summary([row])["by_class"]["nodule"]
    assert [block[name]["mean"] for name in ("sensitivity", "precision", "f1", "ap50", "froc")] == [0.0] * 5
    assert block["precision"]["n_defined"] == 0


def test_names__of_a_class_and_of_all():
    assert [class_measure(name) for name in OVERALL[:4]] == ["ap50", "ap5095", "ap75", "froc"]
    assert class_measure("map5095_small", size_names=COCO_SIZES.names) == "ap5095_small"
    assert [column.overall for column in columns_of()] == [*OVERALL, None]


def test_wrong_arguments():
    rows = rows_of(6)
    with pytest.raises(UsageError, match="nothing to summarise"):
        summary([])
    with pytest.raises(UsageError, match="by this measure"):
        summary(rows, primary="dice", samples=0)
    with pytest.raises(UsageError, match="of no class"):
        summary(rows_of(6, num_classes=4))
    with pytest.raises(UsageError, match="needs a threshold"):
        summary(rows, thresholds=[0.5])
    with pytest.raises(UsageError, match="of this fold"):
        summary(rows, thresholds={0: [0.5, 0.5]})
