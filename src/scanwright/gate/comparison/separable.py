"""Can a small model tell train from test, or site from site?

It may look at everything: intensities, a thumbnail, noise and sharpness, border, size, spacing, file (`traits`, `guess`).
Where it cannot tell two parts of a data set apart, a network trained on one is tested on more of the same. Where it can, they
differ in how the images look, whatever the table of single measures (`distribution`) says.

    code              severity   when
    split-separable   warning    somebody else's split: its sides are told apart with an AUC of LIMIT or more, and the
                                 interval, widened for all guesses made, does not reach 0.5
    site-separable    note       the same of a site, scanner or source against the others; one fault for each column
"""

from collections.abc import Mapping
from dataclasses import dataclass

from scanwright.dataset.cases import Fault
from scanwright.dataset.split import owners_of
from scanwright.files import sha256_bytes
from scanwright.gate.cohort import Cohort
from scanwright.gate.columns import Words, groupings, is_place, large_groups, sides
from scanwright.gate.shortcut.guess import Guess, Value, can_guess, guess
from scanwright.gate.shortcut.shortcuts import LIMIT
from scanwright.gate.shortcut.traits import Family, Traits
from scanwright.types import JSON

SEEN: tuple[Family, ...] = ("file", "size", "border", "look")
SPLIT = "split"


@dataclass(frozen=True, kw_only=True, slots=True)
class Separation:
    """How well one group of a column (or one side of the split) is told from the others."""

    column: str
    group: str
    guess: Guess

    @property
    def is_separable(self) -> bool:
        """Whether the AUC reaches the limit and its interval is above 0.5."""
        return self.guess.auc >= LIMIT and self.guess.low > 0.5

    def to_json(self) -> JSON:
        """Plain data."""
        return {
            "column": self.column,
            "group": self.group,
            **self.guess.to_json(),
            "limit": LIMIT,
            "is_separable": self.is_separable,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Separable:
    """All guesses, the surest first, and the faults made of them."""

    separations: tuple[Separation, ...] = ()
    faults: tuple[Fault, ...] = ()

    def to_json(self) -> JSON:
        """Plain data, without the faults."""
        return {"separations": [one.to_json() for one in self.separations]}


def find(cohort: Cohort, glances: Mapping[str, Traits]) -> Separable:
    """Guess the side of a given split, and the group of each column that says where an image was made.

    One case of each patient and group counts, the one whose id is first by its hash. Of two groups the second by name is
    guessed; of more, each against the rest.
    """
    owners = owners_of(cohort.cases, cohort.facts)
    columns: dict[str, Words] = {SPLIT: large_groups(sides(cohort), owners)}
    columns |= {name: by_case for name, by_case in groupings(cohort).items() if is_place(name)}
    asked = []
    for column, by_case in columns.items():
        kept = _one_each(by_case, owners, glances)
        groups = sorted(set(by_case.values()))
        for group in groups[1:] if len(groups) == 2 else groups:
            member = [by_case[case] == group for case in kept]
            if can_guess(member):
                asked.append((column, group, kept, member))
    made = []
    for column, group, kept, member in asked:
        found = guess(_features(kept, glances), member, comparisons=len(asked))
        if found is not None:
            made.append(Separation(column=column, group=group, guess=found))
    made.sort(key=lambda one: (-one.guess.low, -one.guess.auc, one.column, one.group))
    return Separable(separations=tuple(made), faults=tuple(_faults(made)))


def _one_each(by_case: Mapping[str, str], owners: Mapping[str, str], glances: Mapping[str, Traits]) -> list[str]:
    chosen: dict[tuple[str, str], str] = {}
    for case in sorted(by_case.keys() & glances.keys(), key=lambda case: (sha256_bytes(case.encode()), case)):
        chosen.setdefault((owners[case], by_case[case]), case)
    return sorted(chosen.values())


def _features(kept: list[str], glances: Mapping[str, Traits]) -> dict[str, list[Value]]:
    """All traits of the families that may be looked at, by "family trait"."""
    rows = [
        {f"{family} {name}": value for family in SEEN for name, value in glances[case].values.get(family, {}).items()}
        for case in kept
    ]
    return {name: [row.get(name) for row in rows] for name in sorted({name for row in rows for name in row})}


def _faults(made: list[Separation]) -> list[Fault]:
    """One for each column, of the group that is told best."""
    first: dict[str, Separation] = {}
    for one in made:
        if one.is_separable:
            first.setdefault(one.column, one)
    return [_of_split(one) if one.column == SPLIT else _of_place(one) for one in first.values()]


def _of_split(one: Separation) -> Fault:
    return Fault(
        code="split-separable",
        severity="warning",
        expected="sides of a split that look alike",
        found=f"a small model tells the {one.group} cases from the others with {one.guess.text()}",
        action="See what differs. If the test is meant to be from elsewhere, say so beside its scores; else draw it at random.",
        numbers=_numbers(one),
    )


def _of_place(one: Separation) -> Fault:
    return Fault(
        code="site-separable",
        severity="note",
        found=f"a small model tells {one.column} {one.group} from the others with {one.guess.text()}",
        action=f"Report results by {one.column}, and see that each has all answers: a network can tell them apart too.",
        numbers=_numbers(one),
    )


def _numbers(one: Separation) -> dict[str, float]:
    return {
        "auc": round(one.guess.auc, 4),
        "low": round(one.guess.low, 4),
        "high": round(one.guess.high, 4),
        "limit": LIMIT,
    }
