"""Methods and checklists: every value from a run's files, every method cited that was used and no other."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from scanwright.plan.plan import plan_from_json
from scanwright.report import methods_words
from scanwright.report.checklist import CHECKLISTS, checklist, checklist_csv, checklist_markdown
from scanwright.report.citations import bibliography, cited, entry_text, known
from scanwright.report.methods import methods, methods_markdown
from scanwright.report.paper_section import paper_section
from scanwright.report.told import say, value_at

PLANS = Path(__file__).resolve().parents[1] / "golden" / "plans"
NUMBER = re.compile(r"(?<![\w.@])-?\d+(?:\.\d+)?(?:e-?\d+)?")


def entry(mean=0.8123, low=0.75, high=0.861):
    return {"mean": mean, "ci95": [low, high], "n": 40, "n_defined": 40}


def records(plan, *, primary="dice", **more):
    """A run's files about a plan, as far as methods read them."""
    return {
        "plan": plan,
        "metrics": {
            "primary": primary,
            "cases": 40,
            "patients": 31,
            "overall": {primary: entry()},
            "by_fold": {"0": {}},
        },
        "task": {"channels": [{"name": f"X{number}"} for number in range(4)], "regions": [{"name": "tumour"}]},
        "splits": {"folds": [{}] * 5, "test": [], "source": "made with seed 0", "stated": "5 folds by patient"},
        "fingerprint": {"num_cases": 40, "num_patients": 31, "digest": "abc"},
        "checks": {"facts": {"a": {}, "b": {}}, "stated": "a folder", "patients_from": "a column", "faults": []},
        "datasheet": {"collection.ethics": None, "labelling.who": "Two radiologists drew the labels"},
        "run": {
            "versions": dict.fromkeys(("scanwright", "python", "torch", "numpy", "scipy", "scikit-learn"), "1.0"),
            "constants": {"confidence_percent": 95, "bootstrap_draws": 10000},
            "machine": {"device_name": "a machine", "threads": 2, "platform": "Linux"},
            "data": "ab" * 32,
        },
        "report": {"patients": "Patients are told apart by a column."},
        **more,
    }


def golden(name):
    stored = json.loads((PLANS / f"{name}.json").read_text(encoding="utf-8"))
    return plan_from_json({"why": {}, **stored}).to_json()


def every_number(value):
    """All numbers in plain data, as text of every precision in which they may be told, and lengths of lists."""
    if isinstance(value, dict):
        return {str(len(value))}.union(*map(every_number, value.values()))
    if isinstance(value, list):
        return {str(len(value))}.union(*map(every_number, value))
    if isinstance(value, bool) or value is None:
        return set()
    if isinstance(value, (int, float)):
        return {f"{value:g}", str(value), f"{value:.3f}", f"{value:.2f}", f"{value:.4g}"}
    return set(NUMBER.findall(str(value)))


@pytest.mark.parametrize("name", sorted(file.stem for file in PLANS.glob("*.json")))
def test_methods__every_number_stands_in_the_runs_files(name):
    of = records(golden(name))
    text = " ".join(one.text for one in methods(of))
    told = NUMBER.findall(re.sub(r"\[@[^]]*\]", "", text))
    assert len(told) > 20
    assert set(told) <= every_number(of) | {"256"}, set(told) - every_number(of)  # of SHA-256


def test_methods__cite_what_is_used_and_nothing_else():
    plan = golden("hippocampus_mri")
    keys = set(cited(one.text for one in methods(records(plan))))
    assert {"cicek2016", "dice1945", "efron1987"} <= keys <= known()
    assert not keys & {"ronneberger2015", "cortes1995", "delong1988", "tejani2024"}
    plan["augment"]["mixup"], plan["training"]["loss"], plan["training"]["optimizer"] = 0.2, "ce", "sgd"
    changed = set(cited(one.text for one in methods(records(plan))))
    assert {"zhang2018", "nesterov1983"} <= changed and not changed & {"milletari2016", "jordan2024"}


def test_methods__what_is_done_with_answers_and_how_far_they_are_trusted():
    plan = golden("hippocampus_mri")
    of = records(plan)
    titles = {one.title for one in methods(of)}
    assert not titles & {"Post-processing", "Trust in answers"}  # of a run that has neither
    of["metrics"] |= {
        "chosen": {"postprocess": {"steps": [{"action": "largest"}]}, "voxels": {"tumour": {}}},
        "certainty": {
            "sets": {"stated": 0.9, "coverage": {"mean": 0.912}},
            "declined": {"risk": 0.05, "declined": 7},
            "by_quantity": {"volume": {"intervals": {"stated": 0.9, "coverage": {"mean": 0.875}}}},
        },
        "range": {"cases": 33, "declined": {"number": 1, "share": 0.03}},
    }
    told = {one.title: one.text for one in methods(of)}
    assert "Number of steps kept: 1." in told["Post-processing"] and "@guo2017" in told["Post-processing"]
    for text in (
        "A share of 0.912 of held",
        "@sadinle2019",
        "Intervals of volume that are",
        "0.875",
        "declined: 7 of",
        "0.030",
    ):
        assert text in told["Trust in answers"], text
    of["metrics"]["chosen"]["postprocess"]["steps"] = []
    plan["inference"]["sets"] = "raps"
    told = {one.title: one.text for one in methods(of)}
    assert "none was kept" in told["Post-processing"] and "@angelopoulos2021" in told["Trust in answers"]


def test_methods__a_loss_of_ones_own_is_told_by_its_name():
    plan = golden("hippocampus_mri")
    plan["training"]["loss"] = "chord"
    assert "The loss was chord." in " ".join(one.text for one in methods(records(plan)))


def test_methods__random_changes_that_are_off_are_not_told():
    plan = golden("hippocampus_mri")
    for name, value in plan["augment"].items():
        plan["augment"][name] = (
            [type(one)(0) for one in value] if isinstance(value, list) else 1.0 if name == "low_resolution" else 0.0
        )
    assert "Augmentation" not in [one.title for one in methods(records(plan))]


def test_words__every_method_that_a_plan_can_name_is_told():
    from scanwright.plan.plan import InferencePlan, Normalization
    from scanwright.training.losses import boxes, classes, masks, numbers
    from scanwright.training.schedule import OPTIMIZERS

    tables = (
        masks.EXCLUSIVE,
        masks.OVERLAPPING,
        classes.ONE,
        classes.SEVERAL,
        classes.ORDERED,
        numbers.NUMBERS,
        boxes.BOXES,
    )
    assert {name for table in tables for name in table} == set(methods_words.LOSSES)
    assert set(OPTIMIZERS) == set(methods_words.OPTIMIZED)
    assert set(Normalization.__args__) == set(methods_words.NORMALIZED)
    assert set(InferencePlan.model_fields["sets"].annotation.__args__) == set(methods_words.SETS)


def test_words__every_citation_is_known_and_every_entry_can_be_read():
    tables = [table for name, table in vars(methods_words).items() if name.isupper() and isinstance(table, dict)]
    every = [text for table in tables for text in table.values()]
    assert set(cited(every)) <= known()
    for key in known():
        year = re.search(r"\d{4}", key).group()
        text = entry_text(key)
        assert year in text and not set("{}\\") & set(text), text
        assert bibliography([key]).startswith("@") and key in bibliography([key])


def test_say__nothing_that_is_not_there():
    of = {"plan": {"a": {"b": 2.50, "c": [1, 2]}, "n": None}, "datasheet": {"x.y": "so"}}
    assert say(of, "{plan:a.b} of {plan:a.c|count}, {plan:a.c|by}").text == "2.5 of 2, 1 × 2"
    assert say(of, "{plan:a.b|.3f}").sources == ("plan.json: a.b",)
    for template in ("{plan:n}", "{plan:a.z}", "{metrics:cases}", ""):
        assert say(of, template) is None
    assert value_at(of["datasheet"], "x.y") == "so" and value_at(of["plan"], "a.c.1") == 2
    assert value_at(of["plan"], "a.c.7") is None


@pytest.mark.parametrize(("key", "number"), [("claim", 44), ("tripod_ai", 52)])
def test_checklist__all_items_are_there_and_none_is_invented(key, number):
    made = checklist(key, records(golden("ct_sarcoma")))
    assert len({one.number for one in made.items}) == len(made.items) == number
    assert sum(made.count(status) for status in ("filled", "partly", "authors")) == number
    assert 0 < made.count("filled") < number / 2 < made.count("partly") + made.count("authors")
    for one in made.items:
        assert bool(one.said) == bool(one.sources) == (one.status != "authors")
        assert one.status == "filled" or one.authors
    empty = checklist(key, {"plan": {}, "metrics": {"primary": "dice"}})
    assert all(not one.said or all("primary" in source for source in one.sources) for one in empty.items)


def test_checklist__what_people_answered_is_taken_and_what_they_left_open_is_not():
    of = records(golden("ct_sarcoma"))
    items = {one.number: one for one in checklist("claim", of).items}
    assert items["16"].said[0].text == "Two radiologists drew the labels"
    assert items["16"].sources == ("datasheet.json: labelling.who",)
    ethics = {one.number: one for one in checklist("tripod_ai", of).items}["17"]
    assert ethics.status == "authors" and not ethics.said


def test_checklist__as_files():
    made = checklist("claim", records(golden("ct_sarcoma")))
    text = checklist_markdown(made)
    assert made.counted in text and "`plan.json: preprocess.image_order`" in text
    rows = list(csv.DictReader(io.StringIO(checklist_csv(made))))
    assert [row["item"] for row in rows] == [one.number for one in made.items]
    assert {row["status"] for row in rows} == {"filled", "partly", "authors"}
    widths = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("| ")}
    assert widths == {6}


def test_section__citations_are_numbered_in_order():
    of = records(golden("ct_sarcoma"))
    paragraphs = methods(of)
    section = paper_section(paragraphs, [checklist(key, of) for key in CHECKLISTS])
    text = " ".join(cell for row in section.tables[0].rows for cell in row)
    numbers = [int(one) for found in re.findall(r"\[([\d, ]+)\]", text) for one in found.split(", ")]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(section.tables[1].rows) + 1)) and "@" not in text
    assert methods_markdown(paragraphs).count("- `@") == len(section.tables[1].rows)
