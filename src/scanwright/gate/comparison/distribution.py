"""Do splits, sites and scanners differ, in what, and by how much?

Every measure (`measured`) is held against every grouping: a split that somebody else made, the columns of a table that sort
cases into groups, and columns of numbers such as age. One table, one row for each pair: a test, an effect (`effects`), and
p-values corrected over the whole table (Holm). A patient counts once in each group, with the median of its cases.

A row differs if the corrected p is under 0.01 and the effect at least medium: of thousands of cases everything is significant.
Folds that are drawn here are random and are not tested.

    code            severity   when
    split-differs   warning    rows of the split differ
    group-differs   warning    rows of a site or scanner differ, and one about the answers (class, presence, volume, quantity,
                               boxes) by a large effect: what is learned may be the site
    group-differs   note       rows of any other column differ, or none about the answers by so much
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scanwright.dataset.cases import Fault
from scanwright.dataset.split import owners_of
from scanwright.evaluation.intervals.statistics import holm
from scanwright.gate.cohort import Cohort
from scanwright.gate.columns import groupings, is_place, large_groups, number_columns, sides
from scanwright.gate.comparison.effects import FEWEST, Association, number_by_group, number_by_number, word_by_group
from scanwright.gate.comparison.measured import (
    Numbers,
    Words,
    is_answer,
    number_of_each,
    numbers_of,
    word_of_each,
    words_of,
)
from scanwright.types import JSON

SPLIT = "split"
LARGEST_P = 0.01
SHOWN_ROWS = 4
SHOWN_GROUPS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One group's patients: how many, and quartiles of a number or how many have each word."""

    n: int
    quartiles: tuple[float, float, float] | None = None
    words: Mapping[str, int] | None = None

    def text(self) -> str:
        """ "12.5" (the median), or the most frequent word with its share: "malignant 64%"."""
        if self.quartiles is not None:
            return f"{self.quartiles[1]:.4g}"
        words = self.words or {}
        word = min(words, key=lambda word: (-words[word], word), default="")
        return f"{word} {words.get(word, 0) / max(self.n, 1):.0%}"

    def to_json(self) -> JSON:
        """Plain data: n with "median" and "iqr", or with "words"."""
        if self.quartiles is None:
            return {"n": self.n, "words": dict(self.words or {})}
        low, middle, high = (float(f"{number:.6g}") for number in self.quartiles)
        return {"n": self.n, "median": middle, "iqr": [low, high]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One measure against one grouping. groups: by name, empty where the grouping is a number. p: as corrected by Holm.

    is_answer: whether the measure is of what the task asks for.
    """

    grouping: str
    measure: str
    groups: Mapping[str, Group]
    found: Association
    p: float
    is_answer: bool = False

    @property
    def differs(self) -> bool:
        """Whether it is both sure and not small."""
        return self.p < LARGEST_P and self.found.size != "small"

    def text(self) -> str:
        """The row in words: "spacing z (mm) (A 1, B 3; Cliff's delta -0.91)"."""
        parts = [f"{name} {group.text()}" for name, group in list(self.groups.items())[:SHOWN_GROUPS]]
        parts += ["…"] * (len(self.groups) > SHOWN_GROUPS)
        medians = ", ".join(parts) + "; " if parts else ""
        return f"{self.measure} ({medians}{self.found.measure} {self.found.effect:.2f})"

    def to_json(self) -> JSON:
        """Plain data."""
        return {
            "grouping": self.grouping,
            "measure": self.measure,
            "groups": {name: group.to_json() for name, group in self.groups.items()},
            "test": self.found.test,
            "p": float(f"{self.found.p:.3g}"),
            "p_corrected": float(f"{self.p:.3g}"),
            "effect": {"name": self.found.measure, "value": round(self.found.effect, 4), "size": self.found.size},
            "differs": self.differs,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """All rows, those that differ first, and the faults made of them."""

    rows: tuple[Row, ...] = ()
    faults: tuple[Fault, ...] = ()

    def to_json(self) -> JSON:
        """Plain data, without the faults."""
        return {"rows": [row.to_json() for row in self.rows]}


def find(cohort: Cohort) -> Distribution:
    """Hold every measure against the split and the columns. Columns themselves are held against the split."""
    owners = owners_of(cohort.cases, cohort.facts)
    numbers, words = numbers_of(cohort), words_of(cohort)
    columns, ordered = groupings(cohort), number_columns(cohort)
    split = large_groups(sides(cohort), owners)
    made = list(_by_group(SPLIT, split, owners, {**numbers, **ordered}, {**words, **columns}))
    for name, by_case in columns.items():
        made += _by_group(name, by_case, owners, numbers, words)
    for name, by_number in ordered.items():
        made += _by_number(name, by_number, owners, numbers, words)
    corrected = holm([row.found.p for row in made])
    task = cohort.dataset.task
    rows = [
        replace(row, p=p, is_answer=is_answer(row.measure, task))
        for row, p in zip(made, corrected, strict=True)
        if p is not None
    ]
    rows.sort(
        key=lambda row: (not row.differs, row.grouping != SPLIT, row.p, -_strength(row), row.grouping, row.measure)
    )
    return Distribution(rows=tuple(rows), faults=tuple(_faults(rows)))


def _strength(row: Row) -> float:
    return abs(row.found.effect)


def _by_group(
    grouping: str, group_of: Mapping[str, str], owners: Mapping[str, str], numbers: Numbers, words: Words
) -> Iterator[Row]:
    """Rows of one column of words. A patient with cases in two groups counts in both."""
    members = {case: (group, owners[case]) for case, group in group_of.items()}
    for measure, values in numbers.items():
        each = number_of_each({case: value for case, value in values.items() if case in members}, members)
        own, groups = list(each.values()), [group for group, _ in each]
        if found := number_by_group(own, groups):
            yield _row(grouping, measure, found, _quartiles(own, groups))
    for measure, stated in words.items():
        word = word_of_each({case: value for case, value in stated.items() if case in members}, members)
        said, groups = list(word.values()), [group for group, _ in word]
        if found := word_by_group(said, groups):
            yield _row(grouping, measure, found, _word_counts(said, groups))


def _by_number(
    column: str, number_of: Mapping[str, float], owners: Mapping[str, str], numbers: Numbers, words: Words
) -> Iterator[Row]:
    """Rows of one column of numbers: against numbers by their ranks, against words as a number that may differ between them."""
    own = number_of_each(number_of, owners)
    for measure, values in numbers.items():
        each = number_of_each(values, owners)
        both = sorted(own.keys() & each.keys())
        if found := number_by_number([own[patient] for patient in both], [each[patient] for patient in both]):
            yield _row(column, measure, found, {})
    for measure, stated in words.items():
        word = word_of_each(stated, owners)
        both = sorted(own.keys() & word.keys())
        mine, groups = [own[patient] for patient in both], [word[patient] for patient in both]
        if found := number_by_group(mine, groups):
            yield _row(column, measure, found, _quartiles(mine, groups))


def _row(grouping: str, measure: str, found: Association, groups: Mapping[str, Group]) -> Row:
    return Row(grouping=grouping, measure=measure, groups=groups, found=found, p=found.p)


def _quartiles(numbers: Sequence[float], groups: Sequence[str]) -> dict[str, Group]:
    found = {}
    for name in sorted(set(groups)):
        own = [number for number, group in zip(numbers, groups, strict=True) if group == name]
        if len(own) >= FEWEST:
            low, middle, high = np.percentile(own, (25, 50, 75)).tolist()
            found[name] = Group(n=len(own), quartiles=(low, middle, high))
    return found


def _word_counts(words: Sequence[str], groups: Sequence[str]) -> dict[str, Group]:
    counts: dict[str, Counter[str]] = {name: Counter() for name in sorted(set(groups))}
    for word, group in zip(words, groups, strict=True):
        counts[group][word] += 1
    return {name: Group(n=held.total(), words=dict(sorted(held.items()))) for name, held in counts.items()}


def _faults(rows: Sequence[Row]) -> Iterator[Fault]:
    """One for the split and one for each column, naming the rows that differ most."""
    differing: dict[str, list[Row]] = {}
    for row in rows:
        if row.differs:
            differing.setdefault(row.grouping, []).append(row)
    for grouping, found in differing.items():
        found.sort(key=lambda row: (not row.is_answer, row.p, -_strength(row), row.measure))
        yield _fault(grouping, found, of=sum(row.grouping == grouping for row in rows))


def _fault(grouping: str, found: Sequence[Row], *, of: int) -> Fault:
    told = "; ".join(row.text() for row in found[:SHOWN_ROWS])
    numbers = {"effect": round(found[0].found.effect, 4), "p_corrected": float(f"{found[0].p:.3g}")}
    numbers |= {"differing": float(len(found)), "measures": float(of)}
    if grouping == SPLIT:
        return Fault(
            code="split-differs",
            severity="warning",
            expected="sides of the split that are alike",
            found=f"{len(found)} of {of} measures differ: {told}",
            action="If the test is meant to be from elsewhere, say so beside its scores; else draw it at random, by patient.",
            numbers=numbers,
        )
    confounded = is_place(grouping) and any(row.is_answer and row.found.size == "large" for row in found)
    return Fault(
        code="group-differs",
        severity="warning" if confounded else "note",
        expected=f"measures that do not hang on {grouping}" if confounded else "",
        found=f"{grouping}: {len(found)} of {of} measures differ: {told}",
        action=f"Balance the answers over {grouping}, or report results for each: a model may learn it in their place."
        if confounded
        else f"Report results by {grouping}.",
        numbers=numbers,
    )
