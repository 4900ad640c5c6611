"""Which volumes of a DICOM folder are the channels of which case: by the user's rules, or by what is drawn on them."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scanwright.dataset.declare import FILE_NAME, Declaration, SeriesRule
from scanwright.dataset.layouts.dicom_labels import drawn_on
from scanwright.dataset.task import Modality
from scanwright.errors import InputError
from scanwright.io.source import DicomVolume

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.labels import Outline
    from scanwright.io.dicom.series import Series
    from scanwright.io.dicom.volumes import Stack

MODALITIES: Mapping[str, Modality] = {
    "CT": "ct", "MR": "mr", "CR": "xray", "DX": "xray", "MG": "xray", "RF": "xray", "XA": "xray", "US": "us",
}  # fmt: skip
SHOWN = 12


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A volume that may be a channel, and the series that it is of."""

    series: "Series"
    stack: "Stack"

    @property
    def image(self) -> DicomVolume:
        """The volume as cases name it."""
        from scanwright.io.dicom.scan import scan_of

        return scan_of(self.stack, frame=self.series.about.get("FrameOfReferenceUID", ""))

    def line(self) -> str:
        """The volume for people: modality, description, size; nothing of the patient."""
        about, size = self.series.about, " x ".join(map(str, self.stack.grid.shape))
        words = (about.get("Modality", "?"), about.get("SeriesDescription", ""), self.stack.name, size)
        return ", ".join(word for word in words if word)


def grouped(
    candidates: Sequence[Candidate], outlines: Sequence["Outline"], declared: Declaration, root: Path
) -> list[list[Candidate]]:
    """The channels of each case. Raises InputError if none is complete, or a choice would be a guess.

    With rules, each rule's volume of every series, study or patient that has them all; without, each series that something
    is drawn on.
    """
    if not declared.series:
        return _labelled(candidates, outlines, root)
    by = declared.case_of or ("study" if len(declared.series) > 1 else "series")
    key = {"series": "SeriesInstanceUID", "study": "StudyInstanceUID", "patient": "PatientID"}[by]
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for one in candidates:
        groups[one.series.about.get(key, "")].append(one)
    complete = []
    for members in groups.values():
        fitting = [[one for one in members if fits(rule, one)] for rule in declared.series]
        crowded = next((found for found in fitting if len(found) > 1), None)
        if crowded is not None:
            raise _ambiguous(crowded, root)
        if all(fitting):
            complete.append([found[0] for found in fitting])
    if not complete:
        lines = [one.line() for one in candidates[:SHOWN]]
        hint = f'Correct "series" in {FILE_NAME}.'
        raise InputError(f"no {by} has every channel of {FILE_NAME}", where=root, details=lines, hint=hint)
    return complete


def _labelled(candidates: Sequence[Candidate], outlines: Sequence["Outline"], root: Path) -> list[list[Candidate]]:
    """Each series that something is drawn on as a case of one channel."""
    chosen = [one for one in candidates if drawn_on([one.series], outlines)]
    if not chosen:
        raise InputError(
            "nothing is drawn on these images",
            where=root,
            expected="DICOM SEG or RTSTRUCT that refer to them",
            found=f"{len(candidates)} volumes, {len(outlines)} segmentations and structure sets",
            details=[one.line() for one in candidates[:SHOWN]],
            hint="Add the files of the labels to the folder.",
        )
    by_series: dict[str, list[Candidate]] = defaultdict(list)
    for one in chosen:
        by_series[one.series.uid].append(one)
    crowded = next((found for found in by_series.values() if len(found) > 1), None)
    if crowded is not None:
        raise _ambiguous(crowded, root)
    return [[one] for one in chosen]


def _ambiguous(crowded: Sequence[Candidate], root: Path) -> InputError:
    return InputError(
        "several volumes could be one channel",
        where=root,
        expected="one",
        found=str(len(crowded)),
        details=[one.line() for one in crowded[:SHOWN]],
        hint=f'Say which is meant by "series" in {FILE_NAME}, such as [{{"description": "…", "volume": "…"}}].',
    )


def fits(rule: SeriesRule, one: Candidate) -> bool:
    """Whether a volume keeps every condition of a rule."""
    from scanwright.io.dicom.volumes import plane_of

    about, slices = one.series.about, one.stack.slices
    plane = plane_of(slices) if slices[0].place is not None else None
    least, most = rule.slices or (0, len(slices))
    return (
        (rule.modality is None or rule.modality.upper() == about.get("Modality", "").upper())
        and (rule.description is None or _searched(rule.description, about.get("SeriesDescription", "")))
        and (rule.volume is None or _searched(rule.volume, one.stack.name))
        and (rule.plane is None or rule.plane == plane)
        and least <= len(slices) <= most
    )


def _searched(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def case_names(images: Sequence[DicomVolume], root: Path) -> list[str]:
    """A name for each case, from the folder that its files lie in; numbered where folders are shared.

    No value of a DICOM file is in it.
    """
    folders = []
    for image in images:
        inside = image.files[0].parent.relative_to(root)
        folders.append(_plain("_".join(inside.parts)) or _plain(root.name) or "series")
    turns: dict[str, int] = defaultdict(int)
    names = []
    for folder in folders:
        turns[folder] += 1
        names.append(folder if folders.count(folder) == 1 else f"{folder}_{turns[folder]}")
    return names


def _plain(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text).strip("-._")
