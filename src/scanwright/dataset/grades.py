"""Grades by their names: the order of those that say it themselves.

    numbers           1, 2, 3      grade 1, grade 2      G1, G2      T1, T1a, T2      4A, 4B, 4C
    Roman numerals    I, II, III, IV                     stage I, stage IIA, stage IIB
    words             none, mild, moderate, severe       low, medium, high            small, medium, large

What stands before and after the number has to be the same in all names, but for a letter a, b, c or d behind it.
"""

import re
from collections.abc import Iterable, Sequence

ROMAN = ("0", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>\d+(?:\.\d+)?)(?P<letter>[a-d]?)")
IN_ROMAN = re.compile(r"(?P<before>(?:.*[ _-])?)(?P<number>0|viii|vii|vi|iv|ix|iii|ii|i|v|x)(?P<letter>[a-d]?)")
NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
OF_RADS = re.compile(r"(?:^|_)(?:bi|ti|lung|o|c)_?rads(?:_|\d|$)")
"""Columns of categories whose 0 says that the images do not suffice; of PI-RADS, LI-RADS and CAD-RADS it does not."""
SERIES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (
        ("none", "no", "absent", "normal", "negative"),
        ("trace", "trivial"),
        ("minimal", "very mild", "questionable"),
        ("mild", "slight"),
        ("moderate",),
        ("severe", "marked"),
        ("very severe", "critical"),
    ),
    (("very low",), ("low",), ("medium", "moderate", "intermediate"), ("high",), ("very high",)),
    (("very small",), ("small",), ("medium", "intermediate"), ("large",), ("very large",)),
    (("negative", "none", "absent"), ("weak",), ("moderate", "intermediate"), ("strong",)),
    (("very poor",), ("poor", "bad"), ("fair", "moderate", "acceptable"), ("good",), ("very good",), ("excellent",)),
    (("early",), ("intermediate", "middle", "mid"), ("late", "advanced")),
    (("normal", "healthy", "negative"), ("benign",), ("borderline", "premalignant", "precancerous"), ("malignant",)),
    (
        ("no", "absent", "negative", "false"),
        ("possible", "uncertain", "equivocal"),
        ("probable", "likely"),
        ("yes", "present", "positive", "true", "definite"),
    ),
)
"""Words from least to most; those of one place mean the same, and only one of them may be there."""

Place = tuple[float, str]


def order_of_grades(names: Iterable[str]) -> tuple[str, ...] | None:
    """Different names from least to most; None if they do not say which is more.

    >>> order_of_grades(["severe", "none", "mild"]), order_of_grades(["II", "IV", "I"]), order_of_grades(["early", "hot"])
    (('none', 'mild', 'severe'), ('I', 'II', 'IV'), None)
    """
    named = sorted(set(names))
    plain = [" ".join(re.sub(r"[-_ ]+", " ", name.casefold()).split()) for name in named]
    places = _by_number(named) or _by_pattern(plain, NUMBERED) or _by_pattern(plain, IN_ROMAN) or _by_word(plain)
    if places is None or len(set(places)) < len(places):
        return None
    return tuple(name for _, name in sorted(zip(places, named, strict=True)))


def incomplete(names: Iterable[str], *, column: str) -> tuple[str, ...]:
    """Of grades, those that stand for an assessment that is not complete, and for no grade below the others.

    column: by its name as tables have it (`delimited.column_name`).

    >>> incomplete(["0", "1", "2"], column="birads"), incomplete(["BI-RADS 0", "BI-RADS 4A"], column="bi_rads")
    (('0',), ('BI-RADS 0',))
    >>> incomplete(["0", "1", "2"], column="kl_grade"), incomplete(["10", "2"], column="birads")
    ((), ())
    """
    if OF_RADS.search(column) is None:
        return ()
    return tuple(name for name in names if re.fullmatch(r"(?:.*[^\d.,])?0+", name.strip()))


def _by_number(names: Sequence[str]) -> list[Place] | None:
    """Places of names that are numbers, perhaps below 0."""
    if not all(NUMBER.fullmatch(name.strip()) for name in names):
        return None
    return [(float(name.replace(",", ".")), "") for name in names]


def _by_pattern(names: Sequence[str], pattern: re.Pattern[str]) -> list[Place] | None:
    """Places of names that differ in a number, and perhaps the letter behind it, alone."""
    found = [match for name in names if (match := pattern.fullmatch(name))]
    if len(found) < len(names) or len({match["before"].strip() for match in found}) > 1:
        return None
    return [(_value(match["number"]), match["letter"]) for match in found]


def _value(number: str) -> float:
    return float(ROMAN.index(number)) if number in ROMAN else float(number)


def _by_word(names: Sequence[str]) -> list[Place] | None:
    """Places of words in the first series that has all of them."""
    for series in SERIES:
        place_of = {word: float(place) for place, words in enumerate(series) for word in words}
        if all(name in place_of for name in names):
            return [(place_of[name], "") for name in names]
    return None
