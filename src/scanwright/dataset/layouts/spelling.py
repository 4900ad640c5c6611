"""Classes that are probably one, spelled in two ways."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from scanwright.dataset.cases import Fault
from scanwright.dataset.declare import FILE_NAME
from scanwright.dataset.grades import ROMAN

BETWEEN = re.compile(r"(?<=[^\W_])[\s_-]+(?=[^\W_])")
IN_FULL = {"y": "yes", "n": "no", "t": "true", "f": "false", "pos": "positive", "neg": "negative"}
SHOWN = 4
LONG_WORD, RARE = 6, 0.1
"""A slip is looked for in words of so many letters, in a class of at most this share of the other's cases."""


def alike_classes(classes: Sequence[str], meant: Sequence[str]) -> Iterator[Fault]:
    """The fault of names that differ in case, a hyphen, a space or a short form alone, as in-situ and in situ, Y and yes.

    meant: classes that are named in scanwright.json, and so meant as they are.
    """
    by_key: dict[str, list[str]] = {}
    for name in classes:
        by_key.setdefault(_key(name), []).append(name)
    alike = [
        " and ".join(map(repr, names)) for names in by_key.values() if len(names) > 1 and not set(names) <= set(meant)
    ]
    if alike:
        yield Fault(
            code="alike-classes",
            severity="error",
            expected="one spelling of each class",
            found="; ".join(alike[:SHOWN]) + (f" and {len(alike) - SHOWN} more" if len(alike) > SHOWN else ""),
            action=f'Write each class in one way; if they are different classes, name all in "classes" of {FILE_NAME}.',
        )


def _key(name: str) -> str:
    """A name without hyphens, spaces and underscores between words, nor signs that nobody sees, and with short forms in full.

    >>> _key("In-situ"), _key("in_situ"), _key("T1 2"), _key("I-II"), _key("Y"), _key("HER2-"), _key("in\\u200bsitu")
    ('insitu', 'insitu', 't1 2', 'i-ii', 'yes', 'her2-', 'insitu')
    """
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", name) if unicodedata.category(sign) != "Cf")
    plain = seen.casefold().strip()
    between = BETWEEN.sub(lambda gap: gap[0] if _parts_numbers(plain, gap) else "", plain)
    return IN_FULL.get(between, between)


def _parts_numbers(text: str, gap: re.Match[str]) -> bool:
    if text[gap.start() - 1].isdigit() and text[gap.end()].isdigit():
        return True
    before, behind = re.search(r"[^\W_]+$", text[: gap.start()]), re.match(r"[^\W_]+", text[gap.end() :])
    return before is not None and behind is not None and before[0] in ROMAN and behind[0] in ROMAN


def misspelt_classes(counts: Mapping[str, int], meant: Sequence[str]) -> Iterator[Fault]:
    """A warning for rare classes that are another one but for a letter, as malignent beside malignant.

    counts: cases of each class. meant: classes that are named in scanwright.json, and so meant as they are.
    """
    keys = {name: _key(name) for name in counts}
    words = {name: key for name, key in keys.items() if key.isalpha() and len(key) >= LONG_WORD}
    slips = [
        (name, other)
        for name in words
        if name not in meant
        for other in words
        if counts[name] <= RARE * counts[other] and _one_letter_apart(words[name], words[other])
    ]
    if slips:
        shown = [f"{name!r} ({counts[name]}) beside {other!r} ({counts[other]})" for name, other in slips[:SHOWN]]
        yield Fault(
            code="misspelt-class",
            severity="warning",
            expected="one spelling of each class",
            found="; ".join(shown) + (f" and {len(slips) - SHOWN} more" if len(slips) > SHOWN else ""),
            action="Learned as classes of their own. Correct the cells; if both are meant, name all in "
            f'"classes" of {FILE_NAME}.',
        )


def _one_letter_apart(one: str, other: str) -> bool:
    """Whether a letter was changed, left out, added, or exchanged with the next.

    >>> [_one_letter_apart("malignant", other) for other in ("malignent", "malignat", "maligannt", "malignant", "benign")]
    [True, True, True, False, False]
    """
    if len(one) > len(other):
        one, other = other, one
    at = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    swapped = one[at + 1 : at + 2] + one[at : at + 1] + one[at + 2 :]
    return one != other and (one[at + 1 :] == other[at + 1 :] or swapped == other[at:])
