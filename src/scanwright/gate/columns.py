"""What the columns of a table say of the cases: which group each belongs to, a number, a day; and the sides of a split.

A column sorts into groups if 2 to 12 of its values have five patients each (further values are left out). A number for most of
the patients makes it a number; days are numbers too.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from scanwright.dataset.split import owners_of
from scanwright.gate.cohort import Cohort

MIN_PATIENTS, MOST_GROUPS = 5, 12
MOSTLY = 0.9
PLACE_WORDS = (
    r"sites?|cent(?:er|re)s?|hospitals?|institut\w*|clinics?|sources?|origin|cohort|dataset|provider|"
    r"scanners?|manufacturer\w*|vendors?|devices?|machines?|models?|stations?|protocols?|coils?|field|detector|country"
)
DATE_WORDS = r"dates?|days?|years?|months?|times?|acquired|visit"

Words = Mapping[str, str]
Numbers = Mapping[str, float]


def groupings(cohort: Cohort) -> dict[str, Words]:
    """By column the group of each case, columns and cases sorted; cases of groups that are too small are not in it."""
    owners = owners_of(cohort.cases, cohort.facts)
    found = {name: by_case for name, by_case in _columns(cohort).items() if not _as_numbers(by_case)}
    return {name: kept for name, by_case in found.items() if (kept := large_groups(by_case, owners))}


def large_groups(by_case: Words, owners: Words) -> dict[str, str]:
    """Groups of at least five patients, if there are 2 to 12 of them; else nothing."""
    patients: dict[str, set[str]] = defaultdict(set)
    for case, value in by_case.items():
        patients[value].add(owners[case])
    large = {value for value, names in patients.items() if len(names) >= MIN_PATIENTS}
    return {case: value for case, value in by_case.items() if value in large} if 2 <= len(large) <= MOST_GROUPS else {}


def number_columns(cohort: Cohort) -> dict[str, Numbers]:
    """By column the number, or the day, of each case that has one."""
    found = {name: _as_numbers(by_case) for name, by_case in _columns(cohort).items()}
    return {name: numbers for name, numbers in found.items() if len(set(numbers.values())) > 1}


def sides(cohort: Cohort) -> dict[str, str]:
    """The side of each case where somebody else decided it: "train" and "test", or "validation" of a single given fold.

    Empty where there is no such split: folds that are drawn here are random, and nothing is to be tested.
    """
    apart = {case.id: case.split for case in cohort.cases}
    splits = cohort.splits if cohort.is_given else None
    if splits is not None and splits.test:
        return {**apart, **{case: "test" for case in splits.test if case in apart}}
    if "test" in apart.values():
        return dict(apart)
    if splits is not None and len(splits.folds) == 1:
        fold = splits.folds[0]
        named = {**dict.fromkeys(fold.train, "train"), **dict.fromkeys(fold.validation, "validation")}
        return {case: named[case] for case in sorted(named) if case in cohort.by_id}
    return {}


def is_place(column: str) -> bool:
    """Whether a column's name speaks of where or with what an image was made: site, scanner, source …

    >>> [is_place(name) for name in ("site", "scanner_model", "hospital id", "sex", "insight")]
    [True, True, True, False, False]
    """
    return _has_word(column, PLACE_WORDS)


def is_date(column: str) -> bool:
    """Whether a column's name speaks of a time."""
    return _has_word(column, DATE_WORDS)


def _has_word(column: str, words: str) -> bool:
    return re.search(rf"(?<![a-z])(?:{words})(?![a-z])", column.lower()) is not None


def _columns(cohort: Cohort) -> dict[str, Words]:
    columns: dict[str, dict[str, str]] = defaultdict(dict)
    for case in cohort.cases:
        for name, value in case.groups.items():
            if value.strip():
                columns[name][case.id] = value.strip()
    return dict(sorted(columns.items()))


def _as_numbers(by_case: Words) -> dict[str, float]:
    """Numbers or days, if nearly all values are; whole numbers of few different values are codes, not numbers."""
    for read in (_number, _day):
        found = {case: number for case, text in by_case.items() if (number := read(text)) is not None}
        if len(found) >= MOSTLY * len(by_case) and len(set(found.values())) > MOST_GROUPS:
            return found
    return {}


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?\d{1,7}(?:\.\d{1,9})?", text) else None


def _day(text: str) -> float | None:
    """2021-03-04, 20210304, 2021/3/4 and 4.3.2021, as a number of days."""
    match = re.fullmatch(r"((?:19|20)\d\d)[-/.]?(\d\d?)[-/.]?(\d\d?)(?:[T ].*)?", text)
    parts = match.groups() if match else ()
    if match is None and (other := re.fullmatch(r"(\d\d?)\.(\d\d?)\.((?:19|20)\d\d)", text)):
        parts = other.groups()[::-1]
    try:
        return float(date(*map(int, parts)).toordinal()) if parts else None
    except ValueError:
        return None
