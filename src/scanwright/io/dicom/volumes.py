"""The slices of one series, kept apart as the volumes that they are.

Echoes, phases, time points, b-values and image types of one series lie in the same places. They are told apart by the
first label that parts them into volumes of which each fills every place once at most. Slices of another size, another
direction or another kind (colour, no position) never share a volume.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from scanwright.doubt import Doubt
from scanwright.errors import InputError
from scanwright.geometry.grid import Grid
from scanwright.io.dicom.frame import Label
from scanwright.io.dicom.place import Place
from scanwright.io.dicom.slices import Slice, with_units
from scanwright.io.dicom.stack import levels, placed_normal, stack

SAME_DIRECTION = 2e-3  # largest difference of a direction's components
SAME_SPACING = 1e-3  # of a spacing
APART = (
    *("colour Doppler", "type", "stack", "echo", "inversion", "kernel", "b", "direction", "phase", "time", "trigger"),
    *("acquisition", "acquired", "made", "frame"),
)
VOLUMES_APART = ("stack", "echo", "b", "phase", "time")  # labels that no two slices of one volume differ in
NUMBERED = "number"
BY_NUMBER = Doubt("by-number", "told from other volumes of its series by instance numbers alone")
RIGHT_ANGLE = 90.0
DRIFT_DEGREES = 0.5  # directions closer than this are those of one volume that was not kept straight


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """One volume: slices in the order of k, and their grid. name: what tells it from others of its series; "" if alone.

    A picture without a place is a stack of one slice, in mm where the size of its pixels is known, else in pixels.
    """

    name: str
    slices: tuple[Slice, ...]
    grid: Grid
    notes: tuple[str, ...] = ()

    @property
    def is_tiled(self) -> bool:
        """Whether its slices are parts of images, as those of a mosaic are."""
        return any(one.is_part for one in self.slices)


@dataclass(frozen=True, slots=True)
class Refused:
    """Slices that make no volume, and why. name: as a Stack's."""

    name: str
    slices: int
    error: InputError


class Group(NamedTuple):
    """Slices that are one volume, as far as labels tell. name, notes: as a Stack's."""

    name: str
    slices: list[Slice]
    notes: tuple[str, ...] = ()


def to_volumes(slices: Sequence[Slice]) -> tuple[list[Stack], list[Refused]]:
    """Every volume of a series, and what could not be made one. Each slice is in one of them."""
    stacks: list[Stack] = []
    refused: list[Refused] = []
    alike = _of_one_form(with_units(slices))
    for form, title in zip(alike, _titles(alike), strict=True):
        conflict = _conflict(form, alike)
        if conflict is not None:
            refused.append(Refused(title, len(form), conflict))
            continue
        if form[0].place is None:
            stacks += _pictures(form, title)
            continue
        groups = told_apart(form)
        most = max(len(levels(group.slices)) for group in groups)
        for group in groups:
            full = " ".join(part for part in (title, group.name) if part)
            try:
                ordered, grid, notes = stack(group.slices)
            except InputError as error:
                refused.append(Refused(full, len(group.slices), error))
                continue
            stacks.append(Stack(full, tuple(ordered), grid, (*notes, *group.notes, *_fewer(len(ordered), most))))
    return stacks, refused


def _fewer(number: int, most: int) -> tuple[Doubt, ...]:
    if number == most:
        return ()
    return (Doubt("fewer-slices", "{number} slices, where others of its series have {most}", number=number, most=most),)


def told_apart(slices: Sequence[Slice]) -> list[Group]:
    """Slices of one form as volumes with names. Where no label tells those of one place apart, their instance numbers do if
    they count one volume after the other; else they stay together, for `stack` to refuse.
    """
    places = levels(slices)
    most = max(map(len, places))
    if most == 1:
        return [Group("", list(slices))]
    for label in APART:
        groups = _by_label(slices, label)
        if 1 < len(groups) <= 2 * most and max(len(one) for group in groups.values() for one in levels(group)) < most:
            return [
                Group(" ".join(part for part in (_label_text(label, value, groups), one.name) if part), *one[1:])
                for value, group in groups.items()
                for one in told_apart(group)
            ]
    return _numbered(places) or [Group("", list(slices))]


def _numbered(places: Sequence[Sequence[Slice]]) -> list[Group]:
    """Volumes by instance number; none unless every place holds as many, and all numbers of a volume come before the next's.

    Numbers that run from place to place say nothing: which slice of a place belongs to which of the next would be guessed.
    """
    most = len(places[0])
    by_number = [sorted(place, key=_number) for place in places]
    if any(len(place) != most for place in places):
        return []
    volumes = [[place[turn] for place in by_number] for turn in range(most)]
    runs = [[_number(one) for one in volume] for volume in volumes]
    one_by_one = all(max(run) < min(following) for run, following in pairwise(runs))
    if not one_by_one:
        return []
    return [Group(f"{NUMBERED} {turn}", volume, (BY_NUMBER,)) for turn, volume in enumerate(volumes, start=1)]


def _number(one: Slice) -> tuple[int, int]:
    return one.number, one.frame


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
    if _size(first) != _size(other):
        return False
    if first.place is None or other.place is None:
        return first.place is other.place
    return bool(
        np.abs(first.place.right - other.place.right).max() < SAME_DIRECTION
        and np.abs(first.place.down - other.place.down).max() < SAME_DIRECTION
        and np.allclose(first.place.spacing, other.place.spacing, rtol=SAME_SPACING)
    )


def _conflict(form: Sequence[Slice], alike: Sequence[Sequence[Slice]]) -> InputError | None:
    """Why slices of one form cannot be told from others of their series, if they cannot."""
    others = [
        other
        for other in alike
        if other is not form and _size(other[0]) == _size(form[0]) and not _labelled(form, other)
    ]
    if any((other[0].place is None) != (form[0].place is None) for other in others):
        return InputError(
            "slices with and without a place in one series",
            where=form[0].path.parent,
            expected="a position and directions for all of one size, or for none",
            found=f"{len(form)} {'without' if form[0].place is None else 'with'}",
            hint="Copy the series again from its source, or leave out what is no slice.",
        )
    nearest = min((_angle(form[0].place, other[0].place) for other in others), default=RIGHT_ANGLE)
    if nearest < DRIFT_DEGREES:
        return InputError(
            "slices that are nearly parallel, but not quite",
            where=form[0].path.parent,
            expected=f"one direction, or {DRIFT_DEGREES:g} degrees between two",
            found=f"{nearest:.2g} degrees",
            hint="Resample the series with software of the scanner's maker, or leave it out.",
        )
    return None


def _labelled(form: Sequence[Slice], other: Sequence[Slice]) -> bool:
    """Whether a label says that slices of two forms are two volumes: stacks of several discs, time points of a moving head."""
    return any(
        {one.labels.get(name) for one in form}.isdisjoint({one.labels.get(name) for one in other})
        for name in VOLUMES_APART
    )


def _angle(one: Place | None, other: Place | None) -> float:
    """Between the directions of two forms of one spacing, of rows or columns, whichever differ more, in degrees.

    A right angle for forms that differ in more than that, or have no place.
    """
    if one is None or other is None or not np.allclose(one.spacing, other.spacing, rtol=SAME_SPACING):
        return RIGHT_ANGLE
    cosine = min(float(one.right @ other.right), float(one.down @ other.down))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _size(one: Slice) -> tuple[int, int, bool, bool]:
    """What slices of one volume have alike; a capture is a slice of none but captures."""
    return one.window.rows, one.window.columns, one.grey, one.capture


def _titles(alike: Sequence[Sequence[Slice]]) -> list[str]:
    """What tells forms apart, "" for a single one; forms of one plane and size are counted."""
    if len(alike) == 1:
        return [""]
    names = [_form_name(form) for form in alike]
    return [
        name if names.count(name) == 1 else f"{name} group {names[: turn + 1].count(name)}"
        for turn, name in enumerate(names)
    ]


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
