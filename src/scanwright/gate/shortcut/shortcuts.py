"""Can the answer be told without looking at the anatomy?

For every question that the data set asks (`questions`) and every family of traits that no anatomy is in (`traits`), a small
model guesses the answer from that family alone (`guess`). A family that tells it is a shortcut: a network may learn it instead
of what was meant, and fail where it does not hold. Or it is how the cases were collected, and then the score of any model on
them is too good.

    code       severity   when
    shortcut   warning    policy: a family tells a class, the presence of a region or box, or a quantity with an AUC of LIMIT or
                          more, and the interval, widened for all guesses made, does not reach 0.5
    shortcut   note       the same for what merely goes along with the answer (the size of a region that is always there, the
                          number of boxes), from SIZE_LIMIT; and for the number in a file's name

One fault for each family. A file's size, and the border of a picture that is cut close, do hold some anatomy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scanwright.dataset.cases import Fault, Severity
from scanwright.dataset.split import owners_of
from scanwright.files import sha256_bytes
from scanwright.gate.cohort import Cohort
from scanwright.gate.columns import groupings, is_date, is_place, number_columns
from scanwright.gate.shortcut.guess import Guess, Value, can_guess, guess
from scanwright.gate.shortcut.questions import Question, questions
from scanwright.gate.shortcut.traits import Family, Traits, glance
from scanwright.types import JSON

__all__ = ["LIMIT", "Hunt", "Trail", "Traits", "find", "glance"]

LIMIT = 0.665
"""The AUC of a medium effect: Cliff's delta 0.33 (Romano et al. 2006, see `effects`), of which the AUC is (1 + delta) / 2."""
SIZE_LIMIT = 0.8
DATES_APART = 7.0  # days; files that were copied at one time were all changed within some hours
TITLES: Mapping[str, str] = {
    "file": "the file alone (size, format)",
    "name": "the number in the file's name",
    "date": "the date alone",
    "size": "the image's size and spacing alone",
    "border": "the image's border alone",
    "place": "site and scanner alone",
    "marks": "burned-in marks alone",
}
ACTIONS: Mapping[str, str] = {
    "file": "Save all images in one format with one setting, from sources that hold all answers.",
    "name": "No model of images sees it; look whether cases were collected answer by answer.",
    "date": "Look whether cases with one answer were collected at another time.",
    "size": "Bring all images to one field of view and spacing before they are exported, or balance sources.",
    "border": "Crop borders and padding away, or make them the same in all images.",
    "place": "Balance the answers within each site and scanner, and report results by site.",
    "marks": "Remove the marks, or take images without them.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Trail:
    """How well one family of traits tells the answer to one question."""

    family: str
    question: str
    guess: Guess
    limit: float
    is_answer: bool

    @property
    def is_shortcut(self) -> bool:
        """Whether the AUC reaches the limit and its interval is above 0.5."""
        return self.guess.auc >= self.limit and self.guess.low > 0.5

    def to_json(self) -> JSON:
        """Plain data."""
        return {
            "family": self.family,
            "question": self.question,
            **self.guess.to_json(),
            "limit": self.limit,
            "is_answer": self.is_answer,
            "is_shortcut": self.is_shortcut,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Hunt:
    """All guesses, the surest first, and the faults made of them."""

    trails: tuple[Trail, ...] = ()
    faults: tuple[Fault, ...] = ()

    def to_json(self) -> JSON:
        """Plain data, without the faults."""
        return {"trails": [trail.to_json() for trail in self.trails]}


def find(cohort: Cohort, glances: Mapping[str, Traits], *, marks: Mapping[str, int] | None = None) -> Hunt:
    """Guess every answer from every family of traits.

    marks: how many burned-in marks each case has. One case of each patient counts: of one that has both answers a case with
    the answer, else the one whose id is first by its hash.
    """
    families = _families(cohort, glances, marks)
    in_turn = _in_turn(cohort)
    asked = [
        (question, family, _one_each(question, features, in_turn))
        for question in questions(cohort)
        for family, features in families.items()
        if question.is_answer or family != "name"
    ]
    asked = [one for one in asked if can_guess([one[0].yes[case] for case in one[2]])]
    trails = []
    for question, family, kept in asked:
        columns = {name: [by_case.get(case) for case in kept] for name, by_case in families[family].items()}
        found = guess(columns, [question.yes[case] for case in kept], comparisons=len(asked))
        if found is not None:
            limit = LIMIT if question.is_answer else SIZE_LIMIT
            trails.append(
                Trail(family=family, question=question.name, guess=found, limit=limit, is_answer=question.is_answer)
            )
    trails.sort(key=lambda trail: (-trail.guess.low, -trail.guess.auc, trail.family, trail.question))
    return Hunt(trails=tuple(trails), faults=tuple(_faults(trails)))


def _families(
    cohort: Cohort, glances: Mapping[str, Traits], marks: Mapping[str, int] | None
) -> dict[str, dict[str, Mapping[str, Value]]]:
    """By family and trait the value of each case that has one."""
    families: dict[str, dict[str, dict[str, Value]]] = {}
    seen: tuple[Family, ...] = ("file", "name", "size", "border", "date")
    for case in cohort.cases:
        values = glances[case.id].values if case.id in glances else {}
        for family in seen:
            for name, value in values.get(family, {}).items():
                families.setdefault(family, {}).setdefault(name, {})[case.id] = value
    if "name" in families and not _tells_cases_apart(families["name"]["number"]):
        del families["name"]
    if "date" in families and not _are_apart(families["date"]["changed"]):
        del families["date"]
    columns: dict[str, Mapping[str, str] | Mapping[str, float]] = {**groupings(cohort), **number_columns(cohort)}
    for kind, belongs in (("place", is_place), ("date", is_date)):
        for name, by_case in columns.items():
            if belongs(name):
                families.setdefault(kind, {})[name] = dict(by_case)
    if marks is not None:
        families["marks"] = {"marks": {case.id: float(marks.get(case.id, 0)) for case in cohort.cases}}
    return {family: {**found} for family, found in families.items()}


def _tells_cases_apart(numbers: Mapping[str, Value]) -> bool:
    """Whether numbers run through all cases: those that begin again in the folder of each class say how many it has."""
    return len(set(numbers.values())) > 0.9 * len(numbers)


def _are_apart(days: Mapping[str, Value]) -> bool:
    known = [day for day in days.values() if isinstance(day, float)]
    return bool(known) and max(known) - min(known) > DATES_APART


def _in_turn(cohort: Cohort) -> dict[str, str]:
    """Who each case counts for, cases in an order that means nothing: of their ids' hashes."""
    owners = owners_of(cohort.cases, cohort.facts)
    return {case: owners[case] for case in sorted(owners, key=lambda case: (sha256_bytes(case.encode()), case))}


def _one_each(question: Question, features: Mapping[str, Mapping[str, Value]], in_turn: Mapping[str, str]) -> list[str]:
    """One case of each patient that answers the question and has a trait of the family, in a fixed order."""
    there = {case for by_case in features.values() for case in by_case} & question.yes.keys()
    chosen: dict[str, str] = {}
    for answer in (True, False):
        for case, owner in in_turn.items():
            if case in there and question.yes[case] is answer:
                chosen.setdefault(owner, case)
    return sorted(chosen.values())


def _faults(trails: Sequence[Trail]) -> list[Fault]:
    """One for each family and severity, naming at most three answers."""
    told: dict[tuple[Severity, str], list[Trail]] = {}
    for trail in trails:
        if trail.is_shortcut:
            severity: Severity = "warning" if trail.is_answer and trail.family != "name" else "note"
            told.setdefault((severity, trail.family), []).append(trail)
    return [_fault(severity, family, found) for (severity, family), found in told.items()]


def _fault(severity: Severity, family: str, found: Sequence[Trail]) -> Fault:
    first = found[0]
    shown = [f"{trail.question} with {trail.guess.text()}" for trail in found[:3]]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return Fault(
        code="shortcut",
        severity=severity,
        expected=f"nothing but the anatomy to tell the answer (AUC under {first.limit:g})",
        found=f"{TITLES[family]} tells {', '.join(shown)}{more}",
        action=ACTIONS[family],
        policy=True,
        numbers={
            "auc": round(first.guess.auc, 4),
            "low": round(first.guess.low, 4),
            "high": round(first.guess.high, 4),
            "limit": first.limit,
        },
    )
