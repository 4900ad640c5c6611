"""The names of the measures of a detection, in the order of tables. Without numpy: the command line asks for them."""

from collections.abc import Sequence
from dataclasses import dataclass

FIRSTS = (1, 10, 100)
"""Recall is measured among so many boxes of each image, the most probable ones."""

RATES = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
"""False positives a scan at which LUNA16 reads the sensitivity."""
AT_RATES = tuple(f"sensitivity_at_{rate:g}fp" for rate in RATES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A measure that is resampled: its name of one class, of all together (None: not given), and its group of sizes."""

    of_class: str
    overall: str | None
    size: int = 0


def columns_of(size_names: Sequence[str] = ()) -> tuple[Column, ...]:
    """The measures that are resampled, in the order of tables. size_names: of groups of sizes, if there are any."""
    precisions = [Column(of_class=f"ap{limit}", overall=f"map{limit}") for limit in ("50", "5095", "75")]
    others = ("froc", *AT_RATES, *(f"ar{first}" for first in FIRSTS))
    found = [*precisions, *(Column(of_class=name, overall=name) for name in others)]
    for size, name in enumerate(size_names, start=1):
        found.append(Column(of_class=f"ap5095_{name}", overall=f"map5095_{name}", size=size))
        found.append(Column(of_class=f"ar100_{name}", overall=f"ar100_{name}", size=size))
    return (*found, Column(of_class="f1", overall=None))


def class_measure(name: str, *, size_names: Sequence[str] = ()) -> str:
    """What an overall measure is called of one class.

    >>> class_measure("map50"), class_measure("froc")
    ('ap50', 'froc')
    """
    known = {column.overall: column.of_class for column in columns_of(size_names)}
    return known.get(name, name)
