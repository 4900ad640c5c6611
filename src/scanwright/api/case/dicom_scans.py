"""DICOM files that are to be answered, as cases: volumes of the modality that the model knows.

one channel        every volume of that modality is a case
several channels   of each study, the one volume whose description or modality names the channel

What a model cannot answer anyhow (localisers, reports, other modalities) is left out, and said. What it should answer and
cannot (series that are refused, files that cannot be read and whatever they may belong to) are errors, beside the rest.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path
from typing import TYPE_CHECKING

from scanwright.dataset.cases import Case
from scanwright.dataset.layouts.dicom import detect
from scanwright.dataset.layouts.dicom_listing import left_out
from scanwright.dataset.layouts.dicom_series import MODALITIES, SHOWN, Candidate, candidates_of, case_names
from scanwright.dataset.layouts.listing import require_target
from scanwright.dataset.task import Channel, Task
from scanwright.errors import InputError, UnreadableFile
from scanwright.io.formats import is_image

if TYPE_CHECKING:
    from scanwright.io.dicom.lost import Skipped
    from scanwright.io.dicom.series import Series

WHOLE_HINT = "Copy it again, or remove it; what it may be a part of is not answered."


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be answered. refused: errors for what should be and cannot. left_out: what is not for this model, in words."""

    cases: tuple[Case, ...]
    refused: tuple[InputError, ...] = ()
    left_out: tuple[str, ...] = ()


def is_dicom(path: Path) -> bool:
    """Whether a path is a DICOM file, by its suffix or by its first bytes if it has no image's, or a folder of them."""
    if path.is_dir():
        return detect(path) is not None
    return path.suffix.lower() == ".dcm" or (not is_image(path) and _begins_as_dicom(path))


def _begins_as_dicom(path: Path) -> bool:
    from scanwright.io.dicom.intake import looks_like_dicom

    return looks_like_dicom(path)


def dicom_cases(paths: Sequence[Path], task: Task) -> Asked:
    """The volumes in DICOM files and folders that a model can answer, as cases.

    Raises InputError if there is nothing for it, a study has several volumes that could be one channel, or a folder is not
    whole by its own account.
    """
    from scanwright.io.dicom.series import files_in, find_series

    folders = [path for path in paths if path.is_dir()]
    for folder in folders:
        _require_whole(folder)
    inside = [file for folder in folders for file in files_in(folder) if not _is_other_image(file)]
    found = find_series([*inside, *(path for path in paths if path.is_file())])
    damaged = _by_folder(one for one in found.skipped if one.may_be_a_slice)
    everything = candidates_of(found.series)
    fitting = [one for one in everything if _is_for(one.series, task)]
    candidates = [one for one in fitting if not _is_hit(one.series, damaged)]
    refused = [_unread(files, root=paths[0]) for files in damaged.values()]
    whole = [series for series in found.series if _is_for(series, task) and not _is_hit(series, damaged)]
    refused += [series.refused[0].error for series in whole if series.refused]
    if len(task.channels) == 1:
        groups = [[one] for one in candidates]
    else:
        groups = [group for study in _by_study(candidates) if (group := _channels(study, task))]
    said = [*_others(everything, fitting), *left_out(found), *_other_images(folders)]
    if not groups and not refused:
        wanted = ", ".join(f"{one.name} ({one.modality})" for one in task.channels)
        raise InputError(
            "no volume that this model can answer",
            where=paths[0],
            expected=f"series of {wanted}",
            found=f"{len(everything)} volume{'s' * (len(everything) != 1)}",
            details=[*(one.line() for one in everything), *_refused(found.series), *left_out(found)][:SHOWN],
        )
    root = Path(commonpath([path if path.is_dir() else path.parent for path in paths]))
    names = case_names([group[0].image for group in groups], root)
    cases = tuple(
        Case(id=name, images=tuple(one.image for one in group), patient=name)
        for name, group in zip(names, groups, strict=True)
    )
    return Asked(cases, tuple(refused), tuple(said))


def _is_other_image(path: Path) -> bool:
    return is_image(path) and path.suffix.lower() != ".dcm"


def _refused(found: Iterable["Series"]) -> list[str]:
    """Series that make no volume, each with its modality and the reason."""
    return [
        f"{series.about.get('Modality', '?')}: {series.refused[0].error.message}" for series in found if series.refused
    ]


def _by_folder(damaged: Iterable["Skipped"]) -> dict[Path, list["Skipped"]]:
    """Files that cannot be read, by their folder: they may belong to whatever lies there."""
    groups: dict[Path, list[Skipped]] = defaultdict(list)
    for one in damaged:
        groups[one.path.parent].append(one)
    return groups


def _is_hit(series: "Series", folders: Iterable[Path]) -> bool:
    """Whether a series lies in one of these folders."""
    named = {one.error.where for one in series.refused if isinstance(one.error.where, Path)}
    return not {*named, *(file.parent for file in (*series.files, *named))}.isdisjoint(folders)


def _unread(files: Sequence["Skipped"], *, root: Path) -> InputError:
    first = files[0]
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return UnreadableFile(
        f"{len(files)} file{'s' * bool(more)} that cannot be read",
        where=first.path,
        expected="every slice of a scan",
        found=f"{first.path.name}{more}: {first.reason}",
        hint=WHOLE_HINT,
    )


def _others(everything: Sequence[Candidate], fitting: Sequence[Candidate]) -> list[str]:
    """How many volumes of each other modality there are."""
    counts = Counter(one.series.about.get("Modality", "?") for one in everything if one not in fitting)
    return [f"{count} volume{'s' * (count > 1)} of modality {kind}: not this model's" for kind, count in counts.items()]


def _other_images(folders: Sequence[Path]) -> list[str]:
    """Images of other formats beside DICOM, which are not answered with it."""
    counts = Counter(folder for folder in folders for path in folder.rglob("*") if _is_other_image(path))
    return [
        f"{count} image{'s' * (count > 1)} of other formats in {folder.name}: to be given by name"
        for folder, count in counts.items()
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


def _is_for(series: "Series", task: Task) -> bool:
    """Whether a series is of the modality of a channel; any is where the model does not know its own."""
    return any(_is_of(series.about.get("Modality", ""), channel) for channel in task.channels)


def _is_of(modality: str, channel: Channel) -> bool:
    return channel.modality == "other" or MODALITIES.get(modality) == channel.modality


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
