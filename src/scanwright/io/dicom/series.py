"""Files to series, and series to volumes: what a folder from a scanner or a PACS holds.

    found = find_series(paths)
    for series in found.series: series.volumes, series.refused
    found.skipped                              files that are no images, with the reason

Series are told apart by their UID; files without one by what else they have alike (`WITHOUT_UID`). Files that are copies of one
another count once. What does not fit together (two patients, studies, modalities or frames of reference in one series, two
different images under one UID) is refused, never sorted out by guessing. A volume is refused with an image of its series that
cannot be read: it may lack that slice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from scanwright.errors import InputError, ScanwrightError
from scanwright.files import sha256_bytes
from scanwright.io.dicom.codecs import prepare
from scanwright.io.dicom.elements import Elements, text, whole, words
from scanwright.io.dicom.intake import Instance, kind_of, open_instance, sop_class_of
from scanwright.io.dicom.lost import Skipped, lacks_pixels, pattern_of, should_be_dicom
from scanwright.io.dicom.pixels import PixelFrames
from scanwright.io.dicom.place import Place
from scanwright.io.dicom.slices import Slice, read_slices
from scanwright.io.dicom.volumes import Refused, Stack, to_volumes

KEPT = (
    *("PatientID", "PatientSex", "PatientAge", "StudyInstanceUID", "StudyDate", "StudyDescription", "Modality"),
    *("SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "BodyPartExamined", "FrameOfReferenceUID"),
    *("Manufacturer", "ManufacturerModelName", "StationName", "InstitutionName", "MagneticFieldStrength"),
)
WITHOUT_UID = (
    *("PatientID", "StudyInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "FrameOfReferenceUID"),
)
"""What files of one folder that have no series UID must have alike, be it nothing, to be taken as one series."""
NO_UID = (
    "no series UID: taken as one series, for folder, patient, study, description and frame of reference are the same"
)
ONE_EACH = {"PatientID": "patients", "StudyInstanceUID": "studies", "Modality": "modalities"}
FRAME = "FrameOfReferenceUID"
LOCALIZERS = ("LOCALIZER", "SCOUT", "TOPOGRAM")
NO_IMAGES = (
    *("SEG", "RTSTRUCT", "RTPLAN", "RTRECORD", "SR", "PR", "KO", "ANN", "REG", "RWV", "DOC", "ECG", "HD", "EPS", "AU"),
    *("FID", "PLAN", "STAIN", "RESP", "M3D", "SMR", "SM", "PMAP"),
)
"""Modalities whose objects are results, plans or waveforms, or slide microscopy."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One series: what its header says of it, its volumes, and what could not be made a volume.

    uid: its UID, or a name that no other series of these files has. about: header values by DICOM keyword, as text; patient
    identifiers are among them and belong in no log.
    """

    uid: str
    about: Mapping[str, str]
    volumes: tuple[Stack, ...]
    refused: tuple[Refused, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that its volumes lie in, sorted."""
        return tuple(sorted({one.path for volume in self.volumes for one in volume.slices}))


@dataclass(frozen=True, slots=True)
class Found:
    """All series of some files, sorted by study and series number, and the files that belong to none."""

    series: tuple[Series, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class _Broken:
    """An image that cannot be read, its UID, and its size as far as its header says it."""

    error: InputError
    instance: str
    rows: int | None
    columns: int | None

    def may_be_of(self, one: Slice) -> bool:
        """Whether it may be a slice of the same volume."""
        stored = one.encoded.stored
        return one.place is not None and self.rows in (None, stored.rows) and self.columns in (None, stored.columns)


@dataclass(slots=True)
class _Gathered:
    """What has been read of one series so far. frame: UID of the space that its slices lie in, None before the first."""

    about: dict[str, str]
    slices: list[Slice] = field(default_factory=list)
    seen: dict[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    conflict: InputError | None = None
    frame: str | None = None
    broken: list[_Broken] = field(default_factory=list)


def find_series(paths: Iterable[Path], *, then_decoded: bool = False) -> Found:
    """Read the headers of files and put them together. Never raises for a bad file: it is skipped, with the reason.

    then_decoded: the pixels come next, so that the processes which decode them are started meanwhile.
    """
    gathered: dict[tuple[str, ...], _Gathered] = {}
    left: dict[Path, str | ScanwrightError] = {}
    read: set[tuple[Path, str]] = set()
    for path in paths:
        try:
            instance = open_instance(path)
            read.add(pattern_of(path))
            reason = _no_image(instance)
            if reason:
                left[path] = reason
                continue
            if then_decoded:
                prepare(instance.syntax)
            _gather(gathered, instance)
        except ScanwrightError as error:
            left[path] = error
    named = ((key[0] or f"no series UID, {turn}", found) for turn, (key, found) in enumerate(gathered.items(), start=1))
    series = [_assembled(uid, found) for uid, found in named]
    return Found(tuple(sorted(series, key=_order)), tuple(_skipped(path, why, read) for path, why in left.items()))


def files_in(folder: Path) -> list[Path]:
    """Every file below a folder, sorted, but hidden ones and DICOMDIR, which only lists others.

    Links to nothing are among them: what cannot be read is said, as it may have been a slice.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if not path.is_dir() and path.name.upper() != "DICOMDIR" and not path.name.startswith(".")
    )


def _skipped(path: Path, why: str | ScanwrightError, read: set[tuple[Path, str]]) -> Skipped:
    if isinstance(why, str):
        return Skipped(path, why)
    damaged = should_be_dicom(path, read)
    return Skipped(path, _in_one_line(why), damaged, sop_class_of(path) if damaged else "")


def _no_image(instance: Instance) -> str:
    """Why an object is not part of a volume; "" if it may be."""
    header = instance.header
    modality = text(header, "Modality").upper()
    if modality in NO_IMAGES or (instance.pixels is None and not lacks_pixels(instance)):
        return f"no image: {kind_of(header)}"
    kinds = {word.upper() for word in words(header, "ImageType")}
    localizer = next((word for word in LOCALIZERS if word in kinds), "")
    return f"a localiser ({localizer})" if localizer else ""


def _key(header: Elements, path: Path) -> tuple[str, ...]:
    """What files of one series have alike: its UID, or without one their folder and what else their headers say of it."""
    uid = text(header, "SeriesInstanceUID")
    return (uid,) if uid else ("", str(path.parent), *(text(header, name) for name in WITHOUT_UID))


def _gather(gathered: dict[tuple[str, ...], _Gathered], instance: Instance) -> None:
    """Add an image to its series. Raises InputError if it cannot be read and does not say of which series it is."""
    header, path = instance.header, instance.path
    key = _key(header, path)
    try:
        slices = read_slices(instance)
    except InputError as error:
        if not key[0]:
            raise
        mine = _series(gathered, key, header)
        mine.broken.append(
            _Broken(error, text(header, "SOPInstanceUID"), whole(header, "Rows"), whole(header, "Columns"))
        )
        return
    mine = _series(gathered, key, header)
    if not slices[0].capture:
        _require_one_of_each(mine, instance, is_placed=slices[0].place is not None)
    instance_uid = text(header, "SOPInstanceUID")
    if instance_uid and instance_uid in mine.seen:
        _duplicate(mine, mine.seen[instance_uid], slices)
        return
    mine.seen[instance_uid] = path
    mine.slices += slices


def _series(gathered: dict[tuple[str, ...], _Gathered], key: tuple[str, ...], header: Elements) -> _Gathered:
    """What has been gathered of a series; begun with its first image."""
    if key not in gathered:
        gathered[key] = _Gathered({name: found for name in KEPT if (found := text(header, name))})
        gathered[key].notes += [] if key[0] else [NO_UID]
    return gathered[key]


def _require_one_of_each(mine: _Gathered, instance: Instance, *, is_placed: bool) -> None:
    """Note a conflict if an image is of another patient, study or kind than its series, or lies in another space."""
    header = instance.header
    differs = next((name for name in ONE_EACH if text(header, name).upper() != mine.about.get(name, "").upper()), "")
    if is_placed and (frame := text(header, FRAME)):  # pictures need none, and one image may have lost it
        mine.frame = mine.frame or frame
        differs = differs or (FRAME if frame != mine.frame else "")
    if differs:
        mine.conflict = InputError(
            f"one series of two {ONE_EACH.get(differs, 'frames of reference')}",
            where=instance.path,
            expected=f"one {differs}",
            found="two",
            hint="Keep the files apart, one folder for each; ask where they were mixed.",
        )


def _duplicate(mine: _Gathered, first: Path, again: Sequence[Slice]) -> None:
    """Leave out a copy. Two different images under one UID are a conflict."""
    before = [one for one in mine.slices if one.path == first]
    if _facts(before) == _facts(again) and _pixel_hash(before[0]) == _pixel_hash(again[0]):
        mine.notes.append(f"{again[0].path.name} is a copy of {first.name}: counted once")
        return
    mine.conflict = InputError(
        "two different images with one SOP instance UID",
        where=again[0].path,
        expected=f"the image of {first.name}",
        found="another",
        hint="Find out which of the two is right and remove the other.",
    )


def _facts(slices: Sequence[Slice]) -> list[tuple[object, ...]]:
    """All but the pixels that makes an image what it is: where it lies, what its numbers mean, what keeps it apart.

    Not the times at which it was made and acquired: copies that an archive or a de-identification has made differ in them.
    """
    return [
        (
            *(_rounded(one.place), one.pixel_size, one.window, one.scale, one.uptake, one.turning, one.padding),
            {name: label for name, label in one.labels.items() if name not in ("made", "acquired")},
        )
        for one in slices
    ]


def _rounded(place: Place | None) -> tuple[float, ...]:
    """To a hundredth of a millimetre, and directions to as much over half a metre; empty where there is none."""
    if place is None:
        return ()
    directions = np.round((place.right, place.down), 5) + 0.0  # no negative zeros
    return (*np.round((*place.origin, *place.spacing), 2) + 0.0, *directions.ravel())


def _pixel_hash(one: Slice) -> str:
    frames = PixelFrames(one.encoded)
    return sha256_bytes(b"".join(frames.decode(index)[0].tobytes() for index in range(one.encoded.stored.frames)))


def _assembled(uid: str, found: _Gathered) -> Series:
    missing = [one for one in found.broken if not one.instance or one.instance not in found.seen]
    lost, copies = _lost(missing), len(found.broken) - len(missing)
    notes = (*found.notes, *([f"{copies} broken copies of images that are here: left out"] if copies else []))
    if found.conflict is not None:
        refused = Refused("", len(found.slices), found.conflict)
        return Series(uid, found.about, (), (refused, *lost), notes)
    volumes, failed = to_volumes(found.slices) if found.slices else ([], [])
    short = [volume for volume in volumes if any(one.may_be_of(volume.slices[0]) for one in missing)]
    failed += [Refused(one.name, len(one.slices), _short(one)) for one in short]
    kept = tuple(volume for volume in volumes if volume not in short)
    return Series(uid, found.about, kept, (*lost, *failed), notes)


def _lost(broken: Sequence[_Broken]) -> list[Refused]:
    """Images that cannot be read, those of one reason together."""
    by_reason: dict[str, list[InputError]] = {}
    for one in broken:
        by_reason.setdefault(one.error.message, []).append(one.error)
    return [Refused("", len(errors), errors[0]) for errors in by_reason.values()]


def _short(volume: Stack) -> InputError:
    return InputError(
        "a volume that may lack a slice: a file of its series cannot be read",
        where=volume.slices[0].path.parent,
        hint="Mend or copy that file again, or leave it out if it is none of these slices.",
    )


def _order(series: Series) -> tuple[str, int, str]:
    number = series.about.get("SeriesNumber", "")
    return series.about.get("StudyInstanceUID", ""), int(number) if number.isdigit() else -1, series.uid


def _in_one_line(error: ScanwrightError) -> str:
    """The message with what was expected and found, without the path, which stands beside it."""
    facts = [f"{word} {value}" for word, value in (("expected", error.expected), ("found", error.found)) if value]
    return ", ".join([error.message, *facts])
