"""Where decisions are collected: a rule's choice or what the user set instead, each with its reason."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

from scanwright.errors import UsageError
from scanwright.plan.plan import NetworkPlan, Plan, Why, section_models
from scanwright.plan.rules import Choice

T = TypeVar("T")
Section = TypeVar("Section", bound=BaseModel)

EXPECTED = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "a word",
    **dict.fromkeys(("tuple_type", "list_type"), "a list in brackets, such as [1, 2]"),
    "finite_number": "a number that is finite",
    "missing": "one more entry",
    "too_long": "at most {max_length} entries",
    "too_short": "at least {min_length} entries",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "less than {lt:g}",
    "less_than_equal": "{le:g} or less",
    "literal_error": "{expected}",
    "value_error": "{error}",
}
"""What a value should have been, by pydantic's name for what it is instead."""

FROM, BY_HAND = "--from", "--set"
"""Sources of a value that is no rule's choice: the network that a run begins from, and the command line."""
FOLLOWS = {
    "network.in_channels": "the task's channels",
    "network.out_channels": "the task's regions",
    "network.features": "--from, or network.features=radiomic with --model svm",
    "network.encoder": FROM,
    "training.folds": "--fold and --folds",
    "training.budget_s": "--budget",
    "training.reserve_s": "--budget",
    "training.step_s": "--budget",
    "training.start": FROM,
}
"""Plan values that follow from something else, which is where to change them."""


@dataclass(slots=True)
class Ledger:
    """Collects decisions: the rule's choice, or what the user set instead, with the reason for either.

    network: the kind of network that is planned; a value set for the other kind is refused. begun: values that go with
    the weights that training begins from; what is set by hand goes before them. overruled: names of what was set by hand to
    something else than the rule says.
    """

    given: dict[str, Any]
    network: type[BaseModel] = NetworkPlan
    begun: dict[str, Any] = field(default_factory=dict)
    why: dict[str, Why] = field(default_factory=dict)
    overruled: set[str] = field(default_factory=set)

    def decide(self, name: str, choice: Choice[T]) -> T:
        """The value of one plan entry, of the type that the plan has for it.

        Raises UsageError if a value set by hand is of another type, out of its range, or not to be set.
        """
        if name in self.begun and name not in self.given:
            self.why[name] = Why(
                reason=f"as in the network that weights come from (the rule: {choice.value})", source=FROM
            )
            return cast(T, checked(name, self.begun[name], network=self.network))
        if name not in self.given:
            self.why[name] = Why(reason=choice.reason, source=choice.source)
            return choice.value
        value: T = checked(name, self.given[name], network=self.network)
        if name in FOLLOWS and value != choice.value:
            raise UsageError(
                "a plan value that follows from another",
                where=f"--set {name}",
                expected=choice.value,
                found=value,
                hint=f"It is decided by {FOLLOWS[name]}.",
            )
        if value != choice.value:
            self.overruled.add(name)
        self.why[name] = Why(reason=f"set by hand (the rule: {choice.value})", source=BY_HAND)
        return value

    def section(self, model: type[Section], name: str, choices: dict[str, Choice[Any]], **decided: Any) -> Section:
        """A whole section of the plan: what is decided already, and one choice for each other field."""
        values = {key: self.decide(f"{name}.{key}", choice) for key, choice in choices.items()}
        with impossible(name):
            return model.model_validate(decided | values)


def checked(name: str, value: Any, *, network: type[BaseModel]) -> Any:
    """A value set by hand as the plan's own type for it (JSON lists become tuples). Raises UsageError if it cannot be."""
    section, key = name.split(".")
    model: Any = network if section == "network" else Plan.model_fields[section].annotation
    with impossible(name):
        return TypeAdapter(model.model_fields[key].rebuild_annotation()).validate_python(value)


def require_possible_value(name: str, value: Any) -> None:
    """Raise UsageError for a value that a plan of no data set could hold: of another type, or out of its range.

    name: of a plan value. Of a network's values there may be several kinds; one that takes the value is enough.
    """
    section, key = name.split(".")
    refused: list[UsageError] = []
    for model in section_models(section):
        if key not in model.model_fields:
            continue
        try:
            checked(name, value, network=model)
        except UsageError as error:
            refused.append(error)
        else:
            return
    if refused:
        refused[0].expected = " or ".join(dict.fromkeys(str(error.expected) for error in refused))
        raise refused[0]


@contextmanager
def impossible(name: str) -> Iterator[None]:
    """Turn what pydantic says about a plan value into a UsageError that names it."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        words, given = EXPECTED.get(first["type"]), first.get("input")
        together = isinstance(given, Mapping | BaseModel)  # several values that do not go together, as `expected` says
        raise UsageError(
            "a plan value that cannot be",
            where=".".join([name, *(str(part) for part in first["loc"])]),
            expected=first["msg"] if words is None else words.format(**first.get("ctx", {})),
            found=None if together else repr(given),
        ) from error
