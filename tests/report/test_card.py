import json

import pytest

from scanwright.dataset.facts import Fingerprint, RegionPrint
from scanwright.dataset.task import Channel, Region, Task
from scanwright.files import canonical_json
from scanwright.plan.plan import NetworkPlan, Plan, TrainingPlan
from scanwright.report.card import card_markdown, escape_markdown, make_card

ESTIMATE = {"mean": 0.88612, "ci95": [0.88, 0.8912], "n": 52, "n_defined": 52}
ROUGH = {"mean": 1.2, "ci95": None, "n": 52, "n_defined": 50}


def spread(low: float, high: float) -> dict:
    return {"min": low, "p10": low, "median": low, "p90": high, "max": high}


FINGERPRINT = {
    "num_cases": 208,
    "num_patients": 170,
    "unit": "mm",
    "spacing": [spread(0.5, 0.5), spread(0.5, 0.75), spread(3.0, 3.0)],
    "shape": [spread(31, 43), spread(40, 59), spread(24, 47)],
    "orientations": {"RAS": 208},
    "digest": "ab" * 32,
    "regions": [{"name": "anterior", "present": 208}, {"name": "posterior", "present": 207}],
}
PLAN = {
    "problem": "segmentation",
    "network": {"dims": 3, "widths": [16, 32]},
    "training": {"folds": [0, 1, 2], "steps": 1200, "seed": 7},
}
METRICS = {
    "primary": "dice",
    "cases": 52,
    "patients": 43,
    "overall": {"dice": ESTIMATE, "hd95_mm": ROUGH},
    "by_class": {name: {"dice": ESTIMATE, "hd95_mm": ROUGH} for name in ("anterior", "posterior")},
}


def task(*names: str) -> dict:
    regions = tuple(Region(name=name, values=(value,)) for value, name in enumerate(names, start=1))
    made = Task(name="hippocampus", channels=(Channel(name="T1", modality="mr"),), regions=regions)
    return made.model_dump(mode="json")


def card(**changed) -> dict:
    given = {
        "name": "hippocampus",
        "task": task("anterior", "posterior"),
        "plan": PLAN,
        "fingerprint": FINGERPRINT,
        "metrics": METRICS,
        "steps": [1128, 1128, 940],
        "limits": ["One fold only."],
    }
    return make_card(**(given | changed))


def test_make_card__is_plain_data():
    assert json.loads(canonical_json(card())) == card()


def test_make_card__says_what_it_is_for_and_not_for():
    made = card()
    assert made["statement"] == "Research use only. Not a certified medical device."
    assert made["intended_use"].endswith("outlining anterior, posterior.")
    said = " ".join(made["out_of_scope"])
    assert "Diagnosis" in said and "than MRI" in said and "0.5 × 0.5–0.75 × 3 mm" in said


@pytest.mark.parametrize(
    ("classes", "choice", "said"),
    [
        (("normal, benign", "malignant"), "one", "telling “normal, benign”, malignant apart."),
        (("0", "1", "2"), "ordered", "telling 0 < 1 < 2 (grades, from least to most) apart."),
    ],
)
def test_make_card__names_of_classes(classes, choice, said):
    channels = (Channel(name="US", modality="us"),)
    made = Task(name="t", kind="classification", channels=channels, classes=classes, choice=choice)
    told = card(task=made.model_dump(mode="json"), plan=PLAN | {"problem": "classification"})
    assert told["intended_use"].endswith(said)
    assert f"- Gives: {'“normal, benign”, malignant' if choice == 'one' else '0, 1, 2'}\n" in card_markdown(told)


def test_make_card__pictures_have_sizes_and_no_millimetres():
    shape = [spread(400, 900), spread(300, 800), spread(1, 1)]
    made = card(fingerprint=FINGERPRINT | {"unit": "px", "shape": shape})
    said = " ".join(made["out_of_scope"])
    assert "400–900 × 300–800 pixels" in said and "mm" not in said
    assert "Spacing" not in card_markdown(made)


def test_make_card__licence_as_far_as_known():
    assert card()["trained_on"]["licence"] == "not stated by the data set"
    assert card(licence="CC BY-SA 4.0")["trained_on"]["licence"] == "CC BY-SA 4.0"


def test_card_markdown__numbers_with_intervals():
    text = card_markdown(card())
    assert (
        "| Region | Dice | HD95 (mm) |\n| --- | ---: | ---: |\n| anterior | 0.886 (0.880–0.891) | 1.20, 50 of 52 cases |"
        in text
    )
    assert "| **all regions** | 0.886 (0.880–0.891) | 1.20, 50 of 52 cases |" in text
    assert "in brackets where 5 patients or more have a value" in text
    assert "52 cases, 43 patients" in text and "- One fold only." in text and "Test split" not in text


def test_card_markdown__surface_dice_with_its_tolerance():
    scores = {"dice": ESTIMATE, "nsd": ESTIMATE, "nsd_voxel": ESTIMATE}
    metrics = METRICS | {"overall": scores, "by_class": {"anterior": scores}, "nsd_tolerance": 2.0}
    text = card_markdown(card(metrics=metrics))
    assert "| Region | Dice | Surface Dice at 2 mm | Surface Dice, voxels at 2 mm |" in text


def test_card_markdown__test_split_apart():
    test = {key: METRICS[key] for key in ("cases", "patients", "overall", "by_class")} | {"cases": 11}
    text = card_markdown(card(metrics=METRICS | {"test": test}))
    assert "### Test split\n\n11 cases" in text


def test_card_markdown__hostile_names_stay_names():
    names = ("<script>alert(1)</script>", "a|b *c* `d` [e](f)\n# g")
    metrics = METRICS | {"by_class": {name: METRICS["by_class"]["anterior"] for name in names}}
    text = card_markdown(card(task=task(*names), metrics=metrics, name="<b>x", limits=["</p>\n# loud"]))
    assert "<" not in text and "\n# g" not in text and "\n# loud" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)


@pytest.mark.parametrize(("text", "escaped"), [("a_b", "a\\_b"), ("a\n b", "a b"), ("<&>", "&lt;&amp;&gt;"), (3, "3")])
def test_escape_markdown(text, escaped):
    assert escape_markdown(text) == escaped


def test_make_card__reads_names_that_the_stages_write():
    """The keys taken above are fields of the models whose JSON is passed in."""
    assert set(FINGERPRINT) <= set(Fingerprint.model_fields)
    assert {"name", "present"} <= set(RegionPrint.model_fields)
    for part, model in ((PLAN, Plan), (PLAN["network"], NetworkPlan), (PLAN["training"], TrainingPlan)):
        assert set(part) <= set(model.model_fields)
