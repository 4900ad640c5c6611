"""The slices of one series, kept apart as the volumes that they are.

Echoes, phases, time points, b-values and image types of one series lie in the same places. They are told apart by the
first label that parts them into volumes of which each fills every place once at most. Slices of another size, another
direction or another kind (colour, no position) never share a volume.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.errors import InputError
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.frame import Label
from scanwright.io.dicom.slices import Slice, with_units
from scanwright.io.dicom.stack import levels, placed_normal, stack

SAME_DIRECTION = 2e-3  # largest difference of a direction's components
SAME_SPACING = 1e-3  # of a spacing
APART = (
    *("colour Doppler", "type", "stack", "echo", "inversion", "kernel", "b", "direction", "phase", "time", "trigger"),
    *("acquisition", "acquired", "made", "frame"),
)
NUMBERED = "number"


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """One volume: slices in the order of k, and their grid. name: what tells it from others of its series; "" if alone.

    A picture without a place is a stack of one slice, in mm where the size of its pixels is known, else in pixels.
    """

    name: str
    slices: tuple[Slice, ...]
    grid: Grid
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Slices that make no volume, and why. name: as a Stack's."""

    name: str
    slices: int
    error: InputError


def to_volumes(slices: Sequence[Slice]) -> tuple[list[Stack], list[Refused]]:
    """Every volume of a series, and what could not be made one. Each slice is in one of them."""
    slices = with_units(slices)
    stacks: list[Stack] = []
    refused: list[Refused] = []
    alike = _of_one_form(slices)
    for form in alike:
        title = _form_name(form) if len(alike) > 1 else ""
        if form[0].place is None:
            stacks += _pictures(form, title)
            continue
        for name, members in told_apart(form):
            full = " ".join(part for part in (title, name) if part)
            try:
                ordered, grid, notes = stack(members)
                stacks.append(Stack(full, tuple(ordered), grid, notes))
            except InputError as error:
                refused.append(Refused(full, len(members), error))
    return stacks, refused


def told_apart(slices: Sequence[Slice]) -> list[tuple[str, list[Slice]]]:
    """Slices of one form as volumes with names. Where no label tells those of one place apart, and every place holds as
    many, their instance numbers do; else they stay together, for `stack` to refuse.
    """
    places = levels(slices)
    most = max(map(len, places))
    if most == 1:
        return [("", list(slices))]
    for label in APART:
        groups = _by_label(slices, label)
        if 1 < len(groups) <= 2 * most and max(len(one) for group in groups.values() for one in levels(group)) < most:
            return [
                (" ".join(part for part in (_label_text(label, value, groups), name) if part), members)
                for value, group in groups.items()
                for name, members in told_apart(group)
            ]
    if min(map(len, places)) < most or len({(one.number, one.frame) for one in slices}) < len(slices):
        return [("", list(slices))]
    numbered = [sorted(place, key=lambda one: (one.number, one.frame)) for place in places]
    return [(f"{NUMBERED} {turn + 1}", [place[turn] for place in numbered]) for turn in range(most)]


def _of_one_form(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Groups of the same size, kind, directions and spacing, in the order of their first slices."""
    groups: list[list[Slice]] = []
    for one in slices:
        for group in groups:
            if _same_form(group[0], one):
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def _same_form(first: Slice, other: Slice) -> bool:
    if (first.window.rows, first.window.columns, first.grey) != (other.window.rows, other.window.columns, other.grey):
        return False
    if first.place is None or other.place is None:
        return first.place is other.place
    return bool(
        np.abs(first.place.right - other.place.right).max() < SAME_DIRECTION
        and np.abs(first.place.down - other.place.down).max() < SAME_DIRECTION
        and np.allclose(first.place.spacing, other.place.spacing, rtol=SAME_SPACING)
    )


def _form_name(form: Sequence[Slice]) -> str:
    """ "axial 512 x 512" """
    window, colour = form[0].window, "" if form[0].grey else " colour"
    plane = f"{plane_of(form)} " if form[0].place is not None else ""
    return f"{plane}{window.columns} x {window.rows}{colour}"


def plane_of(slices: Sequence[Slice]) -> str:
    """The plane that slices are closest to: sagittal, coronal or axial. The first must have a place."""
    return ("sagittal", "coronal", "axial")[int(np.abs(placed_normal(slices)).argmax())]


def _pictures(slices: Sequence[Slice], title: str) -> list[Stack]:
    """Each picture for itself: nothing says that they belong on top of each other."""
    stacks = []
    for turn, one in enumerate(sorted(slices, key=lambda one: (one.number, one.frame)), start=1):
        name = "" if len(slices) == 1 else f"{'frame' if one.encoded.stored.frames > 1 else 'picture'} {turn}"
        size, (columns, rows) = one.pixel_size, (one.window.columns, one.window.rows)
        if size.spacing is None:
            grid = Grid.of_pixels(columns, rows)
        else:
            across, along = size.spacing
            grid = Grid((columns, rows, 1), np.diag((-across, -along, 1.0, 1.0)))
        stacks.append(Stack(" ".join(part for part in (title, name) if part), (one,), grid, size.notes))
    return stacks


def _by_label(slices: Sequence[Slice], label: str) -> dict[Label | None, list[Slice]]:
    """Slices by the value of a label, in ascending order."""
    groups: dict[Label | None, list[Slice]] = defaultdict(list)
    for one in slices:
        groups[one.labels.get(label)].append(one)
    return dict(sorted(groups.items(), key=lambda pair: (str(type(pair[0])), pair[0] if pair[0] is not None else "")))


def _label_text(label: str, value: Label | None, groups: dict[Label | None, list[Slice]]) -> str:
    """ "echo 4.6", "time 3"; of image types only the words that not all share."""
    if value is None:
        return f"no {label}"
    if label == "type":
        shared = set.intersection(*(set(_parts(str(one))) for one in groups if one is not None))
        return " ".join(part for part in _parts(str(value)) if part not in shared) or str(value)
    return f"{label} {value:g}" if isinstance(value, float) else f"{label} {value}"


def _parts(text: str) -> list[str]:
    return [part for part in text.replace("\\", " ").split() if part]
