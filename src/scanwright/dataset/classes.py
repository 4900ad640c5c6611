"""Names of classes: their order, their spelling, and how many cases and patients have each.

Order: by name, numbers in names by their size. Of two classes that exclude each other the negative one comes first, whatever
its name; negative are, the first in this list before all others,

    normal  healthy  control  negative  absent  no  none  false  0  benign          (also "no tumour", "non-covid", "0_…")

A declared order outranks all of this.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from scanwright.dataset.cases import Case, Classes, Fault, Quantities, Target
from scanwright.dataset.grades import order_of_grades
from scanwright.dataset.rare import name_patients, owners_of_classes, rare
from scanwright.dataset.task import Task

NEGATIVE = (
    *(r"normals?", r"healthy", r"controls?", r"neg(?:ative)?", r"absent", r"non?(?=[-_ ])|no", r"none", r"false"),
    *(r"(?:class )?0", r"benign"),
)
SHOWN_CLASSES = 12
NORMAL_OR_NOT = NORMAL, ABNORMAL = "normal", "abnormal"
"""The classes where only what is normal is learned."""


def in_order(names: Iterable[str], *, choice: str = "one") -> tuple[str, ...]:
    """Different names in the order above; classes of which several may be there have no negative one.

    Grades ("ordered") go from least to most where their names say which is more (grades.py), else by name.

    >>> in_order(["malignant", "benign"]), in_order(["benign", "normal"]), in_order(["grade 10", "grade 2", "benign"])
    (('benign', 'malignant'), ('normal', 'benign'), ('benign', 'grade 2', 'grade 10'))
    """
    if choice == "ordered" and (graded := order_of_grades(names := tuple(names))) is not None:
        return graded
    named = sorted(set(names), key=_natural)
    return tuple(sorted(named, key=_rank) if len(named) == 2 and choice == "one" else named)


def called_normal(names: Sequence[str], *, choice: str = "one") -> tuple[str, ...]:
    """The classes that are called normal; of two that exclude each other the negative one, if one is called so.

    >>> called_normal(["benign", "malignant", "normal"]), called_normal(["0_no", "1_yes"]), called_normal(["cat", "dog"])
    (('normal',), ('0_no',), ())
    """
    if len(names) == 2 and choice == "one":
        first = in_order(names)[0]
        return (first,) if _rank(first) < len(NEGATIVE) else ()
    return tuple(name for name in names if _rank(name) < NEGATIVE.index("benign"))


def _rank(name: str) -> int:
    """The place in NEGATIVE; behind the last of them for any other name."""
    matching = (rank for rank, word in enumerate(NEGATIVE) if re.match(rf"(?:{word})(?![a-z0-9])", _plain(name)))
    return next(matching, len(NEGATIVE))


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    parts = re.findall(r"\d+|\D+", _plain(name))
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], name


def one_spelling(names: Iterable[str], *, declared: Sequence[str] | None = None) -> dict[str, str]:
    """How each name is to be spelled: case, spaces around it and how accents are stored make no class of its own.

    The declared spelling, else the most frequent, else the first by the alphabet.
    """
    counts = Counter(names)
    chosen: dict[str, str] = {}
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        chosen.setdefault(_plain(name), name.strip())
    chosen |= {_plain(name): name for name in declared or ()}
    return {name: chosen[_plain(name)] for name in counts}


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def quoted(name: str) -> str:
    """A name as it stands in a list: in quotation marks if it holds a comma, which would make two of it."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}" if "," in name else name


def listed(names: Iterable[str], *, choice: str = "one") -> str:
    """Names in a line; of grades ("ordered") with their order.

    >>> listed(["normal, benign", "malignant"]), listed(["mild", "severe"], choice="ordered")
    ('“normal, benign”, malignant', 'mild < severe (grades, from least to most)')
    """
    if choice == "ordered":
        return f"{' < '.join(map(quoted, names))} (grades, from least to most)"
    return ", ".join(map(quoted, names))


def with_spelling(target: Target | None, spelling: Mapping[str, str]) -> Target | None:
    """A target whose classes are spelled so; anything else as it is."""
    if not isinstance(target, Classes):
        return target
    return target.model_copy(update={"names": tuple(dict.fromkeys(spelling[name] for name in target.names))})


def answers_text(cases: Sequence[Case], task: Task) -> str:
    """How many cases each class has, or the range of each quantity: "normal (50), benign (48)"; "" for regions and boxes."""
    if task.has_classes:
        counts = Counter(name for case in cases if isinstance(case.target, Classes) for name in case.target.names)
        unknown = Counter(name for case in cases if isinstance(case.target, Classes) for name in case.target.unknown)
        shown = [
            f"{quoted(name)} ({counts[name]}" + (f", not known of {unknown[name]})" if unknown[name] else ")")
            for name in task.classes[:SHOWN_CLASSES]
        ]
        more = len(task.classes) - SHOWN_CLASSES
        word = {"one": "classes", "several": "classes (several at once)", "ordered": "ordered classes"}[task.choice]
        return f"{word} {', '.join(shown)}" + (f" and {more} more" if more > 0 else "")
    return ", ".join(_range_text(cases, name, at) for at, name in enumerate(task.quantities))


def _range_text(cases: Sequence[Case], name: str, at: int) -> str:
    rows = [case.target.numbers[at] for case in cases if isinstance(case.target, Quantities)]
    known = [number for number in rows if number is not None]
    return f"{name} {min(known):g} to {max(known):g}" if known else f"{name} of no case"


def rare_classes(cases: Sequence[Case], task: Task) -> Iterator[Fault]:
    """A warning for each class that no patient has, or only one: it cannot be learned and judged.

    None where nearly every class is so, which is one error (varied.py).
    """
    if task.kind != "classification" or not cases:
        return
    owners = owners_of_classes(cases, task)
    if task.choice != "several" and name_patients(owners):
        return
    action = "join it with another class, or add cases that have it"
    yield from rare(owners, code="rare-class", what="class", action=action)
