"""DICOM files that are to be answered, as cases: volumes of the modality that the model knows.

one channel        every volume of that modality is a case
several channels   of each study, the one volume whose description or modality names the channel

Localisers, reports and what cannot be stacked are left out; if nothing is left, the reasons are told.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from os.path import commonpath
from pathlib import Path
from typing import TYPE_CHECKING

from scanwright.dataset.cases import Case
from scanwright.dataset.layouts.dicom import detect
from scanwright.dataset.layouts.dicom_series import MODALITIES, SHOWN, Candidate, case_names
from scanwright.dataset.layouts.listing import require_target
from scanwright.dataset.task import Channel, Task
from scanwright.errors import InputError

if TYPE_CHECKING:
    from scanwright.io.dicom.series import Found


def is_dicom(path: Path) -> bool:
    """Whether a path is a DICOM file by its suffix, or a folder of DICOM files."""
    return path.suffix.lower() == ".dcm" if path.is_file() else detect(path) is not None


def dicom_cases(paths: Sequence[Path], task: Task) -> list[Case]:
    """The volumes in DICOM files and folders that a model can answer, as cases.

    Raises InputError if there is none, or a study has several volumes that could be one channel.
    """
    from scanwright.io.dicom.series import files_in, find_series

    for folder in (path for path in paths if path.is_dir()):
        _require_whole(folder)
    files = [file for path in paths for file in ([path] if path.is_file() else files_in(path))]
    found = find_series(files)
    candidates = [Candidate(series, stack) for series in found.series for stack in series.volumes]
    channel = task.channels[0]
    if len(task.channels) == 1:
        groups = [[one] for one in candidates if _is_of(one, channel)]
    else:
        groups = [group for study in _by_study(candidates) if (group := _channels(study, task))]
    if not groups:
        wanted = ", ".join(f"{one.name} ({one.modality})" for one in task.channels)
        raise InputError(
            "no volume that this model can answer",
            where=paths[0],
            expected=f"series of {wanted}",
            found=f"{len(candidates)} volumes",
            details=[*(one.line() for one in candidates), *_reasons(found)][:SHOWN],
        )
    root = Path(commonpath([path if path.is_dir() else path.parent for path in paths]))
    names = case_names([group[0].image for group in groups], root)
    return [
        Case(id=name, images=tuple(one.image for one in group), patient=name)
        for name, group in zip(names, groups, strict=True)
    ]


def _require_whole(folder: Path) -> None:
    """Raise InputError if a DICOMDIR names files that are not there, or a link leads nowhere.

    Half of a scan must not be answered as a whole one.
    """
    from scanwright.io.dicom.directory import NOT_WHOLE_HINT, read_directories

    for path in sorted(folder.rglob("*")):
        if not path.name.startswith("."):
            require_target(path)
    for one in read_directories(folder):
        if one.missing:
            raise InputError(
                "a DICOMDIR names files that are not here",
                where=one.path,
                expected=f"{one.named} files",
                found=f"{len(one.missing)} missing, such as {one.missing[0]}",
                hint=NOT_WHOLE_HINT,
            )


def _is_of(one: Candidate, channel: Channel) -> bool:
    """Whether a volume is of a channel's modality; any is where the model does not know its own."""
    return channel.modality == "other" or MODALITIES.get(one.series.about.get("Modality", "")) == channel.modality


def _by_study(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    studies: dict[str, list[Candidate]] = defaultdict(list)
    for one in candidates:
        studies[one.series.about.get("StudyInstanceUID", "")].append(one)
    return list(studies.values())


def _channels(study: Sequence[Candidate], task: Task) -> list[Candidate]:
    """The volume of each channel of a study; none if it lacks one."""
    chosen = []
    for channel in task.channels:
        fitting = [one for one in study if _is_named(one, channel)]
        if len(fitting) > 1:
            raise InputError(
                f"several volumes could be the channel {channel.name}",
                expected="one in a study",
                found=str(len(fitting)),
                details=[one.line() for one in fitting[:SHOWN]],
                hint="Give the folders of the series that are meant, and no others.",
            )
        chosen += fitting
    return chosen if len(chosen) == len(task.channels) else []


def _is_named(one: Candidate, channel: Channel) -> bool:
    name, about = channel.name.lower(), one.series.about
    return name == about.get("Modality", "").lower() or name in about.get("SeriesDescription", "").lower()


def _reasons(found: "Found") -> list[str]:
    """Why series were refused and files left out."""
    refused = [one.error.message for series in found.series for one in series.refused]
    return [*refused, *sorted({one.reason for one in found.skipped})]
