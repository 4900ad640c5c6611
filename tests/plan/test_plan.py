import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fakes import plan
from plan_samples import planned
from scanwright.errors import IntegrityError, UsageError
from scanwright.files import read_json, write_json
from scanwright.plan.plan import ChannelNormalization, NetworkPlan, Plan, Why, flatten, plan_from_json
from scanwright.plan.settings import Settings, parse_set, settable_names


def changed(made: Plan, section: str, **values: Any) -> Plan:
    return made.model_copy(update={section: getattr(made, section).model_copy(update=values)})


def test_plan__through_json_and_back_is_equal(tmp_path: Path) -> None:
    made = planned(steps=50)
    write_json(tmp_path / "plan.json", made.to_json())
    assert plan_from_json(read_json(tmp_path / "plan.json")) == made
    assert plan_from_json(json.loads(json.dumps(made.to_json()))) == made


def test_digest__does_not_hang_on_reasons_and_hangs_on_every_value() -> None:
    made = planned(steps=50)
    retold = made.model_copy(update={"why": {name: Why(reason="other", source="other") for name in made.why}})
    assert retold.digest == made.digest
    assert changed(made, "training", learning_rate=1e-3).digest != made.digest
    assert changed(made, "batch", patch=(8, 8, 16)).digest != made.digest
    assert plan_from_json(made.to_json()).digest == made.digest


def test_plan__is_frozen_and_refuses_keys_and_numbers_that_are_none() -> None:
    made = plan()
    with pytest.raises(ValidationError, match="frozen"):
        made.batch.size = 3  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Plan.model_validate({**made.to_json(), "extra": 1})
    with pytest.raises(ValidationError, match="finite"):
        ChannelNormalization(scheme="ct", low=0, high=1, mean=float("nan"), std=1)


@pytest.mark.parametrize(("section", "key", "value", "words"), [
    ("network", "strides", [[2, 2, 2], [2, 2, 2]], "first level"),
    ("network", "strides", [], "first level"),
    ("network", "strides", [[1, 1, 1], [0, 2, 2]], "greater than or equal to 1"),
    ("network", "kernels", [[2, 3, 3]], "odd"),
    ("network", "widths", [0], "greater than or equal to 1"),
    ("network", "dims", 4, "2 or 3"),
    ("preprocess", "axes", [0, 1, 1], "once each"),
    ("preprocess", "axes", [0, 1, 3], "0, 1 or 2"),
    ("preprocess", "spacing", [1, 0, 1], "greater than 0"),
    ("preprocess", "long_side", 0, "greater than or equal to 1"),
    ("preprocess", "normalization", [{"scheme": "ct", "low": 1, "high": 2}], "ct needs mean and std"),
    ("preprocess", "normalization", [{"scheme": "range"}], "range needs low and high"),
    ("batch", "patch", [8, -8, 8], "greater than or equal to 1"),
    ("batch", "foreground_share", 1.5, "less than or equal to 1"),
    ("training", "optimizer", "lion", "adamw"),
    ("inference", "step_share", 0, "greater than 0"),
])  # fmt: skip
def test_plan_from_json__names_the_first_value_that_is_wrong(section: str, key: str, value: Any, words: str) -> None:
    data = plan().to_json()
    data[section][key] = value
    with pytest.raises(IntegrityError, match="not a plan of this version") as caught:
        plan_from_json(data, where="model.swm")
    assert caught.value.where == "model.swm"
    assert f"{section}.{key}" in str(caught.value.found) and words in str(caught.value.expected)


@pytest.mark.parametrize("data", [None, [], {}, {"schema_version": 2}])
def test_plan_from_json__what_is_no_plan_at_all(data: Any) -> None:
    with pytest.raises(IntegrityError):
        plan_from_json(data)


def test_rows__one_for_every_decision_in_order() -> None:
    rows = planned(steps=50).rows()
    assert [name for name, _, _ in rows][:1] == ["preprocess.axes"]
    assert {name: value for name, value, _ in rows}["batch.size"] == 2
    assert sorted(name for name, _, _ in rows) == sorted(settable_names(NetworkPlan))


def test_stride__of_fold_and_levels_together() -> None:
    network = plan().network.model_copy(update={"fold": (1, 2, 2), "strides": ((1, 1, 1), (1, 2, 2), (2, 2, 2))})
    assert network.stride == (2, 8, 8)


def test_flatten__lists_are_leaves() -> None:
    assert flatten({"a": {"b": [1, 2], "c": {"d": None}}, "e": 1}) == [("a.b", [1, 2]), ("a.c.d", None), ("e", 1)]


def test_parse_set__json_or_text() -> None:
    given = [
        "batch.size=4",
        "network.widths=[16,32]",
        "training.optimizer=muon",
        "preprocess.spacing=null",
        "batch.patch=a=b",
    ]
    assert parse_set(given) == {
        "batch.size": 4,
        "network.widths": [16, 32],
        "training.optimizer": "muon",
        "preprocess.spacing": None,
        "batch.patch": "a=b",
    }


@pytest.mark.parametrize(("given", "suggested"), [
    ("batch.sise=4", "batch.size"),
    ("patch=[8,8,8]", "batch.patch"),
    ("training.learningrate=1", "training.learning_rate"),
    ("trainig.steps=1", "training.steps"),
])  # fmt: skip
def test_parse_set__an_unknown_name_gets_a_suggestion(given: str, suggested: str) -> None:
    with pytest.raises(UsageError, match="unknown plan value") as caught:
        parse_set([given])
    assert suggested in str(caught.value.hint) and given.split("=")[0] in str(caught.value.where)
    assert caught.value.exit_code == 2


def test_parse_set__nothing_like_it_lists_some_names() -> None:
    with pytest.raises(UsageError, match=r"Known: preprocess\.axes"):
        parse_set(["qqqq=1"])


def test_parse_set__twice_the_same_name() -> None:
    with pytest.raises(UsageError, match="set twice"):
        parse_set(["batch.size=2", "batch.size=3"])


def test_parse_set__without_a_value() -> None:
    with pytest.raises(UsageError, match="name=value"):
        parse_set(["batch.size"])


def test_settings__leave_everything_to_the_planner() -> None:
    assert Settings().model_dump() == {
        "budget_s": None, "steps": None, "model": "auto", "folds": 5, "fold": None, "seed": 0, "values": {},
        "start": None, "caveats": (),
    }  # fmt: skip
