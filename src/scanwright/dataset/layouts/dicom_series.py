"""Which volumes of a DICOM folder are the channels of which case: by the user's rules, or by what is drawn on them.

A table of the user's is the third way (`dicom_table`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scanwright.dataset.cases import Fault
from scanwright.dataset.declare import FILE_NAME, SeriesRule
from scanwright.dataset.layouts.pairing import missing_channel
from scanwright.dataset.task import Modality
from scanwright.errors import InputError
from scanwright.io.source import DicomVolume

if TYPE_CHECKING:
    from scanwright.io.dicom.derived.labels import Outline
    from scanwright.io.dicom.series import Series
    from scanwright.io.dicom.volumes import Stack

MODALITIES: Mapping[str, Modality] = {
    "CT": "ct", "MR": "mr", "CR": "xray", "DX": "xray", "MG": "xray", "RF": "xray", "XA": "xray", "US": "us",
    "PT": "pet",
}  # fmt: skip
SHOWN = 12


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A volume that may be a channel, and the series that it is of.

    instances, of_series: SOP instance UIDs of the volume, and of all volumes of its series.
    """

    series: "Series"
    stack: "Stack"
    instances: frozenset[str]
    of_series: frozenset[str]

    @property
    def image(self) -> DicomVolume:
        """The volume as cases name it."""
        from scanwright.io.dicom.scan import scan_of

        return scan_of(self.stack, self.series)

    def line(self) -> str:
        """The volume for people: modality, description, size; nothing of the patient."""
        about, size = self.series.about, " x ".join(map(str, self.stack.grid.shape))
        words = (about.get("Modality", "?"), about.get("SeriesDescription", ""), self.stack.name, size)
        return ", ".join(word for word in words if word)


def candidates_of(found: Iterable["Series"]) -> list[Candidate]:
    """Every volume of some series."""
    candidates = []
    for series in found:
        instances = [frozenset(one.instance for one in stack.slices) for stack in series.volumes]
        of_series = frozenset().union(*instances)
        candidates += [
            Candidate(series, stack, own, of_series) for stack, own in zip(series.volumes, instances, strict=True)
        ]
    return candidates


def drawn_on(group: Sequence[Candidate], outlines: Sequence["Outline"]) -> list["Outline"]:
    """What is drawn on any volume of a case."""
    return [one for one in outlines if any(_is_drawn_on(one, volume) for volume in group)]


def _is_drawn_on(outline: "Outline", one: Candidate) -> bool:
    """By the images that it names, if they are of the series; else (after a change of UIDs) by the series."""
    if outline.series and one.series.uid not in outline.series:
        return False
    if outline.instances.isdisjoint(one.of_series):
        return one.series.uid in outline.series
    return not outline.instances.isdisjoint(one.instances)


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """A case: its name, the volumes that are its channels, and the file of its label where a table names one."""

    name: str
    channels: tuple[Candidate, ...]
    label: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The cases of a folder. channels: their names, "" where nothing names one; each case has all of them."""

    cases: tuple[Chosen, ...]
    channels: tuple[str, ...] = ("",)
    faults: tuple[Fault, ...] = ()


def by_rules(
    candidates: Sequence[Candidate],
    outlines: Sequence["Outline"],
    rules: Sequence[SeriesRule],
    root: Path,
    *,
    case_of: str | None,
) -> Choice:
    """Each rule's volume of every series, study or patient that has them all.

    One that lacks a channel is a fault if anything is drawn on it, else a note. Raises InputError if none is complete, or a
    choice would be a guess.
    """
    by = case_of or ("study" if len(rules) > 1 else "series")
    key = {"series": "SeriesInstanceUID", "study": "StudyInstanceUID", "patient": "PatientID"}[by]
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for one in candidates:
        groups[one.series.about.get(key, "")].append(one)
    partly: list[list[list[Candidate]]] = []
    for members in groups.values():
        fitting = [[one for one in members if fits(rule, one)] for rule in rules]
        crowded = next((found for found in fitting if len(found) > 1), None)
        if crowded is not None:
            raise ambiguous(crowded, root)
        if any(fitting):
            partly.append(fitting)
    if not any(all(fitting) for fitting in partly):
        lines = [one.line() for one in candidates[:SHOWN]]
        hint = f'Correct "series" in {FILE_NAME}.'
        raise InputError(f"no {by} has every channel of {FILE_NAME}", where=root, details=lines, hint=hint)
    channels = tuple(rule.channel or rule.modality or f"series {turn + 1}" for turn, rule in enumerate(rules))
    names = case_names([next(found[0] for found in fitting if found).image for fitting in partly], root)
    cases, faults = [], []
    for name, fitting in zip(names, partly, strict=True):
        if all(fitting):
            cases.append(Chosen(name, tuple(found[0] for found in fitting)))
        else:
            faults.append(_incomplete(name, fitting, channels, outlines))
    return Choice(tuple(cases), tuple(rule.channel for rule in rules), tuple(faults))


def _incomplete(
    name: str, fitting: Sequence[Sequence[Candidate]], channels: Sequence[str], outlines: Sequence["Outline"]
) -> Fault:
    """A case that lacks a channel: an error if it would be learned from."""
    there = [one for found in fitting for one in found]
    absent = [channel for channel, found in zip(channels, fitting, strict=True) if not found]
    fault = missing_channel(name, there[0].image.path, absent, channels)
    drawn = drawn_on(there, outlines)
    return (
        fault if drawn else fault.model_copy(update={"severity": "note", "action": "Left out: nothing is drawn on it."})
    )


def by_drawings(candidates: Sequence[Candidate], outlines: Sequence["Outline"], root: Path) -> Choice:
    """Each series that something is drawn on as a case of one channel.

    Raises InputError if there is none, or a choice would be a guess.
    """
    chosen = [one for one in candidates if drawn_on([one], outlines)]
    if not chosen:
        raise InputError(
            "nothing is drawn on these images",
            where=root,
            expected="DICOM SEG or RTSTRUCT that refer to them",
            found=f"{len(candidates)} volumes, {len(outlines)} segmentations and structure sets",
            details=[one.line() for one in candidates[:SHOWN]],
            hint=f'Add the files of the labels to the folder, or name them in a table by "series" in {FILE_NAME}.',
        )
    by_series: dict[str, list[Candidate]] = defaultdict(list)
    for one in chosen:
        by_series[one.series.uid].append(one)
    crowded = next((found for found in by_series.values() if len(found) > 1), None)
    if crowded is not None:
        raise ambiguous(crowded, root)
    names = case_names([one.image for one in chosen], root)
    return Choice(tuple(Chosen(name, (one,)) for name, one in zip(names, chosen, strict=True)))


def ambiguous(crowded: Sequence[Candidate], root: Path) -> InputError:
    """The error for several volumes that could be one channel."""
    return InputError(
        "several volumes could be one channel",
        where=root,
        expected="one",
        found=str(len(crowded)),
        details=[one.line() for one in crowded[:SHOWN]],
        hint=f'Say which by "series" in {FILE_NAME}: rules such as [{{"description": "…", "volume": "…"}}], or a table.',
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
