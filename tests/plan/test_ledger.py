from typing import Any

import pytest

from plan_samples import THICK, planned
from scanwright.errors import UsageError
from scanwright.plan.ledger import require_possible_value


def test_ledger__every_value_can_be_set_to_what_it_is_and_nothing_changes() -> None:
    made = planned(THICK, steps=50)
    values = dict((name, value) for name, value, _ in made.rows())
    again = planned(THICK, values=values)
    assert again.digest == made.digest
    assert {why.source for why in again.why.values()} == {"--set"}


def test_ledger__what_is_set_says_so_and_what_the_rule_was() -> None:
    made = planned(THICK, steps=1, values={"preprocess.axes": [0, 1, 2], "batch.size": 7})
    assert made.preprocess.axes == (0, 1, 2) and made.batch.size == 7
    assert made.why["preprocess.axes"].reason == "set by hand (the rule: (2, 1, 0))"
    assert made.why["batch.size"].source == "--set" and made.why["batch.patch"].source != "--set"


@pytest.mark.parametrize(("name", "value"), [
    ("preprocess.axes", [0, 1]), ("preprocess.axes", "zyx"), ("preprocess.axes", None), ("preprocess.axes", [2, 2, 0]),
    ("preprocess.spacing", [1, 1]), ("preprocess.spacing", [0, 1, 1]), ("preprocess.spacing", "fine"),
    ("preprocess.normalization", []), ("preprocess.normalization", [{"scheme": "minmax"}, {"scheme": "zscore"}]),
    ("preprocess.image_order", 2), ("batch.size", 0), ("batch.size", "two"), ("batch.patch", [64, 64]), ("batch.patch", 64),
    ("batch.patch", [0, 64, 64]), ("network.widths", [8, -1]), ("network.kernels", [[2, 2, 2]]), ("network.fold", [2, 2]),
    ("network.strides", [[2, 2, 2]]), ("network.blocks", 9), ("network.dims", 1), ("augment.scale", 2), ("augment.mirror", [1]),
    ("training.learning_rate", 0), ("training.learning_rate", float("nan")), ("training.optimizer", "sgdm"),
    ("training.steps", 0), ("training.precision", "float16"), ("training.ema_decay", 1.0),
    ("training.class_weights", [1, 2]), ("training.class_weights", [1, 0, 1]), ("inference.step_share", 1.5),
])  # fmt: skip
def test_ledger__an_impossible_value_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        planned(THICK, values={name: value})
    assert str(caught.value.where).startswith(name)
    assert "Input should" not in str(caught.value) and "Value error" not in str(caught.value)
    assert caught.value.exit_code == 2 and 2 <= len(caught.value.lines()) <= 3


def test_ledger__values_that_do_not_go_together_are_told_without_the_rest_of_their_section() -> None:
    with pytest.raises(UsageError, match="decide_at is the sensitivity") as caught:
        planned(THICK, values={"inference.decide": "sensitivity"})
    assert caught.value.where == "inference" and caught.value.found is None


@pytest.mark.parametrize(("name", "value", "hint"), [
    ("network.out_channels", 9, "regions"), ("network.in_channels", 3, "channels"),
    ("training.folds", [0], "--fold"), ("training.budget_s", 60, "--budget"), ("training.reserve_s", 60, "--budget"),
])  # fmt: skip
def test_ledger__what_follows_from_elsewhere_is_refused_with_where(name: str, value: Any, hint: str) -> None:
    with pytest.raises(UsageError, match="follows from another") as caught:
        planned(THICK, steps=1, values={name: value})
    assert hint in str(caught.value.hint) and name in str(caught.value.where)


@pytest.mark.parametrize(("name", "value", "expected"), [
    ("batch.size", "abc", "a whole number"), ("batch.size", 1.5, "a whole number"), ("batch.size", 0, "1 or more"),
    ("batch.patch", 8, "a list in brackets, such as [1, 2]"), ("batch.patch", [8, 8, 8, 8], "at most 3 entries"),
    ("augment.scale", 7, "1 or less"), ("training.learning_rate", "x", "a number"), ("training.ema_decay", 1, "less than 1"),
    ("training.learning_rate", -1, "more than 0"), ("augment.mirror", ["x", 0, 0], "true or false"),
    ("training.optimizer", "adam", "'adamw', 'muon' or 'sgd'"),
    ("preprocess.axes", [2, 2, 0], "an axis order names 0, 1 and 2 once each"),
])  # fmt: skip
def test_ledger__says_in_plain_words_what_a_value_should_be(name: str, value: Any, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        planned(THICK, values={name: value})
    assert caught.value.expected == expected


@pytest.mark.parametrize(("name", "value", "expected"), [
    ("training.learning_rate", "fast", "a number"), ("batch.size", -1, "1 or more"), ("augment.scale", 7, "1 or less"),
    ("training.loss", 3, "a word"), ("network.widths", [0], "1 or more"), ("network.dims", 4, "2 or 3"),
    ("network.blocks", "many", "a whole number or a list in brackets, such as [1, 2]"), ("network.growth", 0, "1 or more"),
])  # fmt: skip
def test_possible__what_no_plan_could_hold_is_refused_without_data(name: str, value: Any, expected: str) -> None:
    with pytest.raises(UsageError, match="a plan value that cannot be") as caught:
        require_possible_value(name, value)
    assert caught.value.expected == expected and str(caught.value.where).startswith(name)


@pytest.mark.parametrize(("name", "value"), [
    ("network.blocks", 2), ("network.blocks", [2, 2]), ("network.family", "svm"), ("network.family", "vit"),
    ("network.hidden", None), ("batch.patch", [8, 8, 8]), ("training.loss", "bce"), ("network.out_channels", 9),
])  # fmt: skip
def test_possible__what_one_kind_of_network_takes_waits_for_the_data(name: str, value: Any) -> None:
    require_possible_value(name, value)
