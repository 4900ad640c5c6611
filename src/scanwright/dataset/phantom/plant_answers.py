"""Faults of what the answer hangs on: wrong classes, a class of one patient, and shortcuts that give the answer away."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from scanwright.dataset.phantom.members import Member, Members, class_of, read_voxels, write_voxels
from scanwright.dataset.phantom.pixels import brighter, with_text
from scanwright.dataset.phantom.plant_copies import Done
from scanwright.errors import InputError
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_grid, read_volume, write_volume
from scanwright.types import Array

FLIPPED_SHARE = 0.1
TEXT = "PORTABLE AP"


def class_flipped(cohort: Members, rng: np.random.Generator) -> Done:
    """A tenth of the cases, one at least, in another class than theirs."""
    count = max(1, round(FLIPPED_SHARE * len(cohort.members)))
    chosen = [cohort.members[number] for number in rng.choice(len(cohort.members), size=count, replace=False)]
    other = {"normal": "malignant", "benign": "malignant", "malignant": "benign"}
    files = _reclassed(cohort, {one.case: other[class_of(one)] for one in chosen})
    return tuple(sorted(one.case for one in chosen)), files, f"{count} cases in another class than theirs"


def class_of_one(cohort: Members, rng: np.random.Generator) -> Done:
    """One patient's cases are the only ones of a class."""
    patients = sorted({one.patient for one in cohort.members})
    patient = patients[int(rng.integers(len(patients)))]
    chosen = tuple(one.case for one in cohort.members if one.patient == patient)
    files = _reclassed(cohort, dict.fromkeys(chosen, "unclear"))
    return chosen, files, f"class unclear in one patient, {patient}"


def by_answer(change: Callable[[Array], Array], words: str) -> Callable[[Members, np.random.Generator], Done]:
    """A fault: every image whose answer is yes is changed by `change`, the others are not."""

    def planted(cohort: Members, rng: np.random.Generator) -> Done:
        return _changed(cohort, cohort.positive, change, f"{words} where the answer is yes")

    planted.__doc__ = f"A shortcut: {words} in the images of one answer."
    return planted


def text_by_answer(cohort: Members, rng: np.random.Generator) -> Done:
    """Words burned into the pictures of one answer."""
    return _changed(
        cohort, cohort.positive, lambda voxels: with_text(voxels, TEXT), "words burned in where the answer is yes"
    )


def text_in_some(cohort: Members, rng: np.random.Generator) -> Done:
    """A name burned into one picture in eight, whatever the answer is."""
    count = max(1, len(cohort.members) // 8)
    chosen = {cohort.members[number].case for number in rng.choice(len(cohort.members), size=count, replace=False)}
    return _changed(cohort, chosen, lambda voxels: with_text(voxels, "MUSTER EVA 1961"), "a name burned in")


def brighter_site(cohort: Members, rng: np.random.Generator) -> Done:
    """All images of site B are brighter than those of site A."""
    chosen = {one.case for one in cohort.members if one.row["site"] == "B"}
    return _changed(cohort, chosen, brighter, "images of site B brighter")


def _changed(cohort: Members, cases: set[str] | frozenset[str], change: Callable[[Array], Array], words: str) -> Done:
    """Change the images of some cases, which must not be all or none of them."""
    if not cases or len(cases) == len(cohort.members):
        raise InputError(
            "all cases have the same answer, or are of one site", where=cohort.root, hint="Draw more subjects."
        )
    chosen = cohort.named(cases)
    files = []
    for one in chosen:
        assert one.image is not None
        files += _rewritten(one, change)
    return tuple(one.case for one in chosen), tuple(files), f"{words}, in {len(chosen)} of {len(cohort.members)}"


def _rewritten(member: Member, change: Callable[[Array], Array]) -> list[Path]:
    """Change an image; a label is padded with it where the size changes."""
    assert member.image is not None
    before = read_voxels(member.image)
    after = change(before)
    more = [(0, b - a) for a, b in zip(before.shape, after.shape, strict=True)]
    if not any(step for _, step in more):
        write_voxels(member.image, after)
        return [member.image]
    touched = [member.image] + ([member.label] if member.label else [])
    label = None if member.label is None else read_volume(member.label)
    _resized(member.image, after)
    if label is not None and member.label is not None:
        padded = np.pad(label.voxels[0], more)
        grid = read_grid(member.image).grid
        write_volume(member.label, Volume(padded[None], grid))
    return touched


def _resized(path: Path, voxels: Array) -> None:
    """Write voxels of another number, the first one at its old place."""
    if path.suffix in (".png", ".dcm"):
        write_voxels(path, voxels)
        return
    grid = read_grid(path).grid
    i, j, k = voxels.shape
    write_volume(path, Volume(voxels[None], type(grid)((i, j, k), grid.affine, grid.unit)))


def _reclassed(cohort: Members, classes: dict[str, str]) -> tuple[Path, ...]:
    """Put cases into other classes: in their column, or by moving them to another class's folder."""
    if "class" in cohort.members[0].row:
        rows = [{**one.row, "class": classes.get(one.case, one.row["class"])} for one in cohort.members]
        return (cohort.write_rows(rows),)
    moved = []
    for one in cohort.named(classes):
        assert one.image is not None
        place = cohort.root / classes[one.case] / one.patient / one.image.name
        place.parent.mkdir(parents=True, exist_ok=True)
        one.image.rename(place)
        moved.append(place)
    return tuple(moved)
