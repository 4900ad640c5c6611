"""What a run says of itself: the numbers at its head, and their limits."""

from types import SimpleNamespace

import pytest

from scanwright.api.run.telling import choice_text, chosen_members, headlines, limits, patients_text, scope_of_test
from scanwright.dataset.cases import UNTOLD, Dataset, Fault
from scanwright.report.content import ModelRow, ModelsPart
from scanwright.report.results_content import Estimate, entry, estimate
from score_samples import row, scores, study


def test_headlines__cross_validation_then_the_test_split():
    first, test = headlines(study(), scores([row("a"), row("b", core=0.4)], [row("t", core=0.2, rim=0.4)]))
    assert (first.name, first.estimate.mean, first.num_cases) == ("Cross-validation", pytest.approx(0.6), 2)
    assert (test.name, test.estimate.mean, test.num_cases) == ("Test split", pytest.approx(0.3), 1)
    assert "each case judged by the model that never saw it" in first.scope
    assert test.scope == "test split, which took no part in training, answered by all 2 folds together"


def test_headlines__one_where_only_one_was_judged():
    (only,) = headlines(study(validation=()), scores([], [row("t")]))
    assert only.name == "Test split" and only.scope.startswith("test split")
    assert len(headlines(study(), scores([row("a")]))) == 1


def test_headlines__whom_the_interval_rests_on():
    """Patients whose Dice is defined somewhere, not all."""
    rows = [row("a"), row("b", None, None), row("c", patient="a"), row("d", None, 0.5)]
    (found,) = headlines(study(), scores(rows))
    assert (found.num_patients, found.num_scored, found.rests_on) == (3, 2, 2)


def tried(kept, without, **reach):
    value = None if without is None else Estimate(mean=without, n=30, n_defined=30, **reach)
    rows = tuple(
        ModelRow(name=name, title=name, estimate=Estimate(mean=mean), seconds=1.0, chosen=name == "svm")
        for name, mean in (("cnn", 0.5), ("svm", kept))
    )
    return ModelsPart(metric="auroc", models=rows, chosen_without=value)


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (tried(0.769, 0.564, low=0.357, high=0.761), "too good by about 0.205: where each fold takes"),
        (tried(0.769, 0.564, low=0.357, high=0.761), "auroc is 0.564 (0.357–0.761)."),
        (
            tried(0.769, 0.755),
            "a little too good: where each fold takes the model that is best in the others, auroc is 0.755.",
        ),
        (tried(0.769, 0.80), "a little too good"),
        (tried(0.769, None), "too good, by how much is not known."),
    ],
)
def test_choice_text__goes_with_the_size_of_the_gap(models, said):
    assert said in choice_text(models)


def test_headlines__what_the_choice_is_worth_stands_beside_the_cross_validation_alone():
    found = scores([row("a"), row("b", core=0.4)], [row("t", core=0.2, rim=0.4)])
    found.summary["chosen_without"] = {"mean": 0.5, "ci95": [0.4, 0.6], "n": 2, "n_defined": 2}
    first, test = headlines(study(), found)
    assert (
        first.chosen_without == Estimate(mean=0.5, low=0.4, high=0.6, n=2, n_defined=2) and test.chosen_without is None
    )
    assert estimate(entry(first.chosen_without)) == first.chosen_without


def test_scope_of_test__one_fold():
    assert (
        scope_of_test(study(trained=(1,)))
        == "test split, which took no part in training, answered by the one trained fold"
    )


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("column patient of cases.csv", "Patients are told apart by column patient of cases.csv."),
        (
            Dataset.model_fields["patients_from"].default,
            "Nothing tells patients apart: every case counts as a patient of its own.",
        ),
        (
            "nowhere: the archive names no patients, so every case counts as one of its own",
            "Nothing tells patients apart: the archive names no patients, so every case counts as one of its own.",
        ),
        *((begin, "Nothing tells patients apart: every case counts as a patient of its own.") for begin in UNTOLD),
    ],
)
def test_patients_text__by_what_or_why_by_nothing(told, said):
    assert patients_text(Dataset.model_construct(patients_from=told)) == said


def test_limits__missed_structures():
    rows = [row(str(k), core=0.0 if k < 4 else 0.8) for k in range(8)]
    said = limits(study(), scores(rows))
    assert "core missed in 4 of 8 cases that have it. Distances over all regions leave such cases out." in said
    assert not any("missed" in sentence for sentence in limits(study(), scores(rows[4:])))
    both = limits(study(), scores(rows[4:], rows[:4]))
    assert [sentence for sentence in both if "missed" in sentence] == [
        "Test split: core missed in 4 of 4 cases that have it. Distances over all regions leave such cases out."
    ]


@pytest.mark.parametrize(
    ("patients", "words"),
    [
        (1, "Only 1 patient was judged: too few for an interval, which takes 5."),
        (4, "Only 4 patients were judged: too few for an interval, which takes 5."),
        (9, "Only 9 patients were judged: of intervals over so few, 76 to 92 in 100 hold the true mean, and not 95."),
        (10, "Only 10 patients were judged; the intervals are rough."),
        (30, None),
    ],
)
def test_limits__few_patients(patients, words):
    said = [
        sentence for sentence in limits(study(), scores([row(str(k)) for k in range(patients)])) if "Only" in sentence
    ]
    assert said == ([] if words is None else [words])


def test_limits__few_patients_of_a_test_split():
    said = limits(study(), scores([row(str(k)) for k in range(30)], [row("t"), row("u")]))
    assert "Only 2 patients were judged in the test split: too few for an interval, which takes 5." in said
    assert not any("No test set" in sentence or sentence == "" for sentence in said)


def test_limits__what_was_let_pass():
    leak = Fault(
        code="near-duplicate", severity="error", cases=("a", "b"), policy=True, found="a and b", waived="both eyes"
    )
    trail = Fault(code="shortcut", severity="warning", policy=True, found="the border alone tells it")
    note = Fault(code="shortcut", severity="note", policy=True, found="a name")
    seen = study()
    seen.checks.faults = (leak, trail, note, Fault(code="empty-label", severity="warning", found="z"))
    said = limits(seen, scores([row(str(k)) for k in range(30)]))
    assert (
        "The data show near duplicate (a, b): a and b. Scores may be too good. Let pass by name, with the reason: both eyes."
        in said
    )
    assert sum("The data show" in sentence for sentence in said) == 2


@pytest.mark.parametrize(
    ("patient", "meaning"), [("c", "Cases were left out for it"), ("a", "Scores may be too good.")]
)
def test_limits__a_patient_on_two_sides_who_was_left_out_or_not(patient, meaning):
    """What counts is what the run used: the test case of patient c beside those of a and b, or of a."""
    leak = Fault(code="patient-on-two-sides", severity="error", policy=True, found="patient x", waived="they are twins")
    mixed = Fault(code="mixed-modality", severity="error", policy=True, found="CT and MR", waived="on purpose")
    seen = study()
    seen.checks.faults = (leak, mixed)
    fold = SimpleNamespace(train=("a1",), validation=("b1",))
    seen.splits = SimpleNamespace(folds=(fold,), test=("t1",))
    owners = {"a1": "a", "b1": "b", "t1": patient, "left": "c"}
    seen.dataset.cases = [SimpleNamespace(id=name, patient=owner) for name, owner in owners.items()]
    seen.plan.training.folds = (0,)
    said = limits(seen, scores([row(str(k)) for k in range(30)]))
    assert [meaning in sentence for sentence in said if "on two sides" in sentence] == [True]
    assert any("mixed modality" in sentence and "Scores are of all of them together." in sentence for sentence in said)


@pytest.mark.parametrize("tells", [True, False])
def test_limits__nothing_tells_patients_apart(tells):
    found = study()
    found.dataset.tells_patients = tells
    said = limits(found, scores([row(str(k)) for k in range(12)]))
    assert any("No patient list was given" in sentence for sentence in said) is not tells


def test_chosen_members__confidence_lies_apart_and_nothing_empty_is_written():
    assert chosen_members(None, None) == {} == chosen_members({}, {})
    assert chosen_members({"confidence": {"masks": {}}}, None) == {"confidence.json": b'{"masks":{}}'}
    assert chosen_members(None, {"scores": [1]}) == {"confidence.json": b'{"scores":[1]}'}
    both = chosen_members({"a": 1, "confidence": {"masks": {"low": None}}}, None)
    assert both == {"chosen.json": b'{"a":1}', "confidence.json": b'{"masks":{"low":null}}'}
