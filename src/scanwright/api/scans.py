"""Files and folders that are to be answered, as cases."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from scanwright.dataset.cases import Case
from scanwright.dataset.task import Task
from scanwright.errors import InputError
from scanwright.io.formats import is_image, read_grid, stem


def cases_of(paths: Sequence[Path], task: Task) -> Iterator[Case]:
    """Files and folders as cases. Raises InputError for what is missing, empty, or not an image that is read.

    Where the task has several channels, files of one case belong together: named as nnU-Net does (case_0000, case_0001, in
    any order), or as many plain files as there are channels, in the task's order.
    """
    for path in paths:
        if not path.exists():
            raise InputError("no such file or folder", where=path, hint="Check the path of the scan.")
        if path.is_dir():
            yield from cases_in(sorted(file for file in path.iterdir() if is_image(file)), task, where=path)
        elif len(task.channels) == 1:
            yield from cases_in([path], task, where=path)
    files = [path for path in paths if path.is_file()]
    if len(task.channels) > 1 and files:
        yield from [one_case(files)] if are_one_case(files, task) else cases_in(files, task, where=files[0])


def are_one_case(files: Sequence[Path], task: Task) -> bool:
    """Whether files without channel numbers are, together, the channels of one case."""
    numbered = any(channel_number(file) is not None for file in files)
    return not numbered and len(files) == len(task.channels) and read_grid(files[0], as_channels=True).channels == 1


def one_case(files: Sequence[Path]) -> Case:
    """The channels of a case, in the order given; named as the first."""
    return Case(id=stem(files[0]), images=tuple(files), patient=stem(files[0]))


def cases_in(files: Sequence[Path], task: Task, *, where: Path) -> Iterator[Case]:
    """Files as cases: each alone, or grouped by name where the task has several channels."""
    if not files:
        raise InputError(
            "no image in this folder",
            where=where,
            expected="images such as .nii.gz, .nrrd or .png",
            hint="Give the folder that the images lie in, not one above it.",
        )
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(case_name(file, several=len(task.channels) > 1), []).append(file)
    for name, members in groups.items():
        if len(members) not in (1, len(task.channels)):
            raise InputError(
                "not a file for each channel",
                where=name,
                expected=", ".join(channel.name for channel in task.channels),
                found=", ".join(file.name for file in members),
                hint="Give one file a channel, named case_0000, case_0001 and so on.",
            )
        ordered = sorted(members, key=lambda file: channel_number(file) or 0)
        yield Case(id=name, images=tuple(ordered), patient=name)


def case_name(file: Path, *, several: bool) -> str:
    """The case's name: without the channel number where there are several, or where nnU-Net's _0000 stands there."""
    number = channel_number(file)
    return stem(file) if number is None or (number and not several) else stem(file).rpartition("_")[0]


def channel_number(file: Path) -> int | None:
    """The channel that a name ends in, as nnU-Net writes it (case_0001 is 1); None if it names none."""
    head, mark, number = stem(file).rpartition("_")
    return int(number) if head and mark and len(number) == 4 and number.isdecimal() and number.isascii() else None
