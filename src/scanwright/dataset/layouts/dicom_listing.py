"""What a folder of DICOM holds, volume by volume, for people: studies, series, what is drawn on them, what is refused.

No PatientID or name is in it: who is who is told by the hash that data sets use as well. Folders and descriptions of series are
shown as they are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanwright.dataset.layouts.dicom_labels import find_outlines
from scanwright.dataset.layouts.dicom_series import candidates_of, drawn_on
from scanwright.errors import InputError
from scanwright.files import sha256_bytes

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.labels import Outline
    from scanwright.io.dicom.series import Found, Series
    from scanwright.io.dicom.volumes import Refused, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesLine:
    """One volume of a series, or slices of it that make none.

    study: counted from 1. patient: hash of PatientID, "" without one. uid: SeriesInstanceUID. folder: that of its files, as
    seen from the folder listed. volume: which of the series' volumes, "" if it is the only one; the frames of a cine are one
    line, "frame 1 to frame 30". size: voxels along i, j, k (a cine's k: frames; refused: the number of slices alone).
    spacing: along the same, in mm, or "px" where a picture has no scale. plane: "" for pictures. drawn: names of the regions
    drawn on the series. refused: why it is no volume, "" if it is one. notes: what the reader had to decide about the series;
    its first line has them.
    """

    study: int
    patient: str
    uid: str
    folder: str
    modality: str
    description: str
    volume: str
    size: tuple[int, ...]
    spacing: tuple[float, ...] = ()
    unit: str = ""
    plane: str = ""
    drawn: tuple[str, ...] = ()
    refused: str = ""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SeriesList:
    """What a folder of DICOM holds. volumes: by study and series number. left_out: files that are none, and why, in words."""

    volumes: tuple[SeriesLine, ...] = ()
    left_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data: "series" and "left_out"."""
        return {"series": [line.to_json() for line in self.volumes], "left_out": list(self.left_out)}


def list_series(root: Path) -> SeriesList:
    """Every volume below a folder, and what else is there. Raises nothing for a bad file: it is left out, with the reason."""
    from scanwright.io.dicom.series import files_in, find_series

    found = find_series(files_in(root))
    outlines, unreadable = find_outlines((one.path for one in found.skipped if not one.damaged), root)
    studies = {uid: turn for turn, uid in enumerate(dict.fromkeys(map(_study, found.series)), start=1)}
    lines: list[SeriesLine] = []
    for series in found.series:
        about = _about(series, root) | {"study": studies[_study(series)]}
        drawn = {one.stack: _names(drawn_on([one], outlines)) for one in candidates_of([series])}
        mine = [SeriesLine(**about, **line, drawn=drawn[stack]) for stack, line in _volumes(series)]
        names = _names(one for one in outlines if series.uid in one.series)
        mine += [SeriesLine(**about, **_refused(one), drawn=names) for one in series.refused]
        lines += [replace(line, notes=series.notes if line is mine[0] else ()) for line in mine]
    said = [
        *damaged(found, root),
        *(fault.found for fault in unreadable),
        *left_out(found, outlines),
        *_not_whole(root),
    ]
    return SeriesList(tuple(lines), tuple(said))


def left_out(found: "Found", outlines: Iterable["Outline"] = ()) -> list[str]:
    """How many files are neither part of a volume nor drawn on one, for each reason; damaged ones are not among them."""
    drawn = {one.path for one in outlines}
    counts = Counter(one.reason for one in found.skipped if not one.damaged and one.path not in drawn)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [f"{count} file{'s' * (count > 1)}: {reason}" for reason, count in ranked]


def damaged(found: "Found", root: Path) -> list[str]:
    """Every file that may have been a slice of a volume and cannot be read, with the reason."""
    return [f"{one.path.relative_to(root)}: {one.reason}" for one in found.skipped if one.damaged]


def _not_whole(root: Path) -> Iterator[str]:
    """A DICOMDIR that names files which are not there, or that cannot be read."""
    from scanwright.io.dicom.directory import read_directories

    try:
        directories = read_directories(root)
    except InputError as error:
        where = error.where.relative_to(root) if isinstance(error.where, Path) else "DICOMDIR"
        yield f"{where}: {error.message}{f', {error.found}' if error.found else ''}"
        return
    for one in directories:
        if one.missing:
            names = f"{len(one.missing)} of the {one.named} files that it names are not here"
            yield f"{one.path.relative_to(root)}: {names}, such as {one.missing[0]}"


def _names(outlines: Iterable["Outline"]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in outlines for name in one.names))


def patient_code(about: Mapping[str, str]) -> str:
    """The hash that stands for a patient; "" if the header names none."""
    patient = about.get("PatientID", "")
    return f"p{sha256_bytes(patient.encode())[:12]}" if patient else ""


def as_text(listed: SeriesList) -> Iterator[str]:
    """The list as aligned text, a heading a study; what was left out comes last."""
    rows = [(line, _cells(line)) for line in listed.volumes]
    if rows:
        yield from _table(rows)
    if listed.left_out:
        yield "left out"
        yield from (f"  {line}" for line in listed.left_out)


def _table(rows: Sequence[tuple[SeriesLine, tuple[str, ...]]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*(cells for _, cells in rows), strict=True)]
    study = 0
    for line, cells in rows:
        if line.study != study:
            study = line.study
            yield f"study {study}{f', patient {line.patient}' if line.patient else ''}"
        parts = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        notes = [f"refused: {line.refused}"] if line.refused else []
        notes += [f"drawn: {', '.join(line.drawn)}"] if line.drawn else []
        notes += line.notes[:1] + ((f"and {len(line.notes) - 1} more notes",) if len(line.notes) > 1 else ())
        yield f"  {'  '.join(parts)}  {'; '.join(notes)}".rstrip()


def _cells(line: SeriesLine) -> tuple[str, ...]:
    """Modality, description, volume, size, spacing, plane and folder."""
    size = " x ".join(map(str, line.size)) if not line.refused else f"{line.size[0]} slices"
    spacing = " x ".join(f"{edge:.3g}" for edge in line.spacing) + f" {line.unit}"
    return line.modality, line.description, line.volume, size, spacing, line.plane, line.folder


def _study(series: "Series") -> str:
    return series.about.get("StudyInstanceUID", "")


def _about(series: "Series", root: Path) -> dict[str, Any]:
    files = series.files or tuple(one.error.where for one in series.refused if isinstance(one.error.where, Path))
    place = files[0] if files else root
    return {
        "patient": patient_code(series.about),
        "uid": series.uid,
        "folder": str((place if place.is_dir() else place.parent).relative_to(root)),
        "modality": series.about.get("Modality", "?"),
        "description": series.about.get("SeriesDescription", ""),
    }


def _volumes(series: "Series") -> Iterator[tuple["Stack", dict[str, Any]]]:
    """Every volume, and the frames of a cine together with the first of them."""
    from scanwright.io.dicom.cine import cines_of

    cines = cines_of(series)
    in_time = {stack for frames in cines for stack in frames}
    yield from ((stack, _volume(stack)) for stack in series.volumes if stack not in in_time)
    for frames in cines:
        line = _volume(frames[0])
        named = f"{frames[0].name} to {frames[-1].name}"
        yield frames[0], line | {"volume": named, "size": (*line["size"][:2], len(frames))}


def _volume(stack: "Stack") -> dict[str, Any]:
    from scanwright.io.dicom.volumes import plane_of

    plane = plane_of(stack.slices) if stack.slices[0].place is not None else ""
    spacing = tuple(round(edge, 4) for edge in stack.grid.spacing)
    return {"volume": stack.name, "size": stack.grid.shape, "spacing": spacing, "unit": stack.grid.unit, "plane": plane}


def _refused(one: "Refused") -> dict[str, Any]:
    found = f": {one.error.found}" if one.error.found else ""
    return {"volume": one.name, "size": (one.slices,), "refused": f"{one.error.message}{found}"}
