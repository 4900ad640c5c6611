"""What the report takes from the scores and the plan."""

from types import SimpleNamespace

import pytest

from encoder_plans import encoder_plan
from scanwright.api.run.parts import MOST_LEFT_OUT, judged, not_labelled, plan_rows, results
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.plan import Why
from score_samples import row, scores, study


def test_judged__what_was_judged_and_where_its_numbers_stand():
    both = scores([row("a"), row("b")], [row("t")])
    sets = judged(both)
    assert list(sets) == ["Cross-validation", "Test split"]
    assert sets["Cross-validation"][0]["cases"] == 2 and sets["Test split"][0] is both.summary["test"]
    alone = scores([], [row("t")])
    assert list(judged(alone)) == ["Test split"] and judged(alone)["Test split"][0] is alone.summary
    assert list(judged(scores([row("a")]))) == ["Cross-validation"]


def test_results__a_missed_region_is_said_and_costs_the_overall_distance():
    (found,) = results(study(), scores([row("a"), row("b", core=0.0), row("c"), row("d", rim=None)]))
    assert found.failures == "core missed in 1 of 4 cases that have it"
    overall, core = found.overall["hd95_mm"], found.regions[0].metrics["hd95_mm"]
    assert (overall.n, overall.n_defined, core.n_defined, found.overall["dice"].n_defined) == (4, 3, 3, 4)
    assert overall.low is None  # three patients


def test_results__whether_patients_are_on_two_sides():
    (found,) = results(study(), scores([row("a")]))
    assert found.note.startswith("Each case was predicted by a model that was not trained on its patient. ")
    leaking = study()
    leaking.splits.folds[0].train = ("a2",)
    leaking.dataset.cases.append(SimpleNamespace(id="a2", patient="a"))
    (found,) = results(leaking, scores([row("a")]))
    assert found.note.startswith("Patients are on two sides of the split that was given, and this was let pass. ")


def test_not_labelled__cases_of_which_nothing_is_known_are_named():
    made = [SimpleNamespace(id=f"c{n:02}", is_labelled=n < 3) for n in range(3 + MOST_LEFT_OUT + 2)]
    assert not_labelled(SimpleNamespace(cases=made[:3])) == []
    assert [one.name for one in not_labelled(SimpleNamespace(cases=made[:5]))] == ["c03", "c04"]
    rows = not_labelled(SimpleNamespace(cases=made))
    assert len(rows) == MOST_LEFT_OUT + 1 and rows[-1].name == "2 more" and "checks.json" in rows[-1].value


def test_results__without_failures():
    (found,) = results(study(), scores([row("a"), row("b")]))
    assert found.failures == ""


@pytest.mark.parametrize(("taken", "text"), [([671, 671], "671"), ([221], "671 (ended at 221)")])
def test_plan_rows__the_steps_that_were_taken(taken, text):
    why = Why(reason="fits", source="the budget")
    planned = [("training.steps", 671, why), ("training.ema_decay", 0.99, why), ("batch.patch", (8, 8, 4), why)]
    rows = plan_rows(study_with_plan(planned), steps_taken=taken)
    assert [(one.group, one.name, one.value) for one in rows] == [
        ("training", "steps", text),
        ("training", "ema_decay", "0.99"),
        ("batch", "patch", "8×8×4"),
    ]


@pytest.mark.parametrize(
    ("encoder", "shown"),
    [
        (None, ["seed", "ema_decay", "patch"]),
        (encoder_plan(), ["seed", "precision", "start", "ema_decay", "patch"]),
    ],
)
def test_plan_rows__of_a_classical_model_what_it_makes_use_of(encoder, shown):
    """A support vector machine has no optimizer, no windows and no random weights; what is set by hand is told all the same."""
    network = ClassicalPlan(
        features="fixed" if encoder is None else "deep", family="svm", encoder=encoder, in_channels=1, out_channels=2
    )
    why, by_hand = Why(reason="fits", source="this package"), Why(reason="set", source="--set")
    idle = ("training.optimizer", "training.channels_last", "inference.step_share", "augment.noise", "training.steps")
    names = ("training.seed", "training.precision", "training.start")
    rows = [*((name, 0, why) for name in (*idle[:1], *names, *idle[2:])), ("training.ema_decay", 0.5, by_hand)]
    found = plan_rows(study_with_plan([*rows, ("batch.patch", (1, 8, 8), why)], network=network), steps_taken=[1])
    assert [one.name for one in found] == shown


def study_with_plan(rows, *, network=None):
    return SimpleNamespace(plan=SimpleNamespace(rows=lambda: iter(rows), network=network))
