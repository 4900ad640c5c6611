"""Files and folders that are to be answered, as cases: files that were one case in training are one case here.

one channel        every image is a case of its own; case_0000 is "case"
several channels   files belong together by name, and the names give the order: numbered as nnU-Net does (case_0000,
                   case_0001) or named as the model's channels (case_t1, case_t2; t1 and t2 in a folder "case"). One
                   file may hold all channels. Where names tell nothing, the order given is the task's.
folders            their images; where a folder holds none, those of the folders one level below, each under its
                   folder's name if it is one case. Labels beside images, and folders of labels, are left alone.
DICOM              files and folders together, by their headers (`dicom_scans`)
archives           the test images of a MedMNIST archive (.npz), or all images of one that has none, called as in training
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scanwright.api.case.dicom_scans import Asked, dicom_cases, is_dicom
from scanwright.dataset.cases import Case
from scanwright.dataset.layouts import medmnist
from scanwright.dataset.layouts.image_mask import IMAGE_FOLDERS, LABEL_FOLDERS
from scanwright.dataset.layouts.listing import folders_in, images_in
from scanwright.dataset.layouts.names import SEPARATOR, channel_case, image_case, label_case
from scanwright.dataset.task import Task
from scanwright.errors import InputError
from scanwright.io.archive import is_archive
from scanwright.io.formats import is_picture, read_grid, stem


@dataclass(frozen=True, slots=True)
class Part:
    """What the name of a file says: of which case it is, and which of the task's channels.

    case: "" if the name is a channel's and nothing else. channel: its place in the task, None if the name does not tell.
    word: the channel's word in the name, "" if there is none. stranger: whether the task cannot have such a channel.
    """

    file: Path
    case: str
    channel: int | None = None
    word: str = ""
    stranger: bool = False

    @property
    def group(self) -> str:
        """The case, or the folder's name where the file's name says nothing of it."""
        return self.case or folder_of(self.file)


def asked_of(paths: Sequence[Path], task: Task) -> Asked:
    """What files and folders ask of a model. Raises InputError as `cases_of`, `dicom_cases` and `medmnist.scans`."""
    require_there(paths)
    packed = [path for path in paths if is_archive(path) and path.is_file()]
    scanned = [path for path in paths if path not in packed and is_dicom(path)]
    of_dicom = dicom_cases(scanned, task) if scanned else Asked(())
    of_archives = [medmnist.scans(path) for path in packed]
    plain = [path for path in paths if path not in (*scanned, *packed)]
    return replace(
        of_dicom,
        cases=(*of_dicom.cases, *(case for cases, _ in of_archives for case in cases), *cases_of(plain, task)),
        left_out=(*of_dicom.left_out, *(line for _, lines in of_archives for line in lines)),
    )


def cases_of(paths: Sequence[Path], task: Task) -> Iterator[Case]:
    """Files and folders as cases, but for DICOM. Raises InputError for what is missing or empty, and where names contradict
    the task.

    They do if they name a channel that the task does not have, one channel twice, or not all of them. In a folder, what
    lies beside a complete case (a channel that the model does not see) is left alone, as in training.
    """
    require_there(paths)
    for path in paths:
        if path.is_dir():
            yield from cases_in(path, task)
        elif len(task.channels) == 1:
            yield from single_channel([path])
    files = [path for path in paths if path.is_file()]
    if len(task.channels) > 1 and files:
        yield from cases_of_files(files, task)


def require_there(paths: Sequence[Path]) -> None:
    """Raise InputError for a path that leads to nothing."""
    for path in paths:
        if not path.exists():
            raise InputError("no such file or folder", where=path, hint="Check the path of the scan.")


def cases_in(folder: Path, task: Task) -> Iterator[Case]:
    """The cases of a folder, or of the folders below it. Raises InputError if there is no image in either."""
    if files := images_in(folder):
        require_one_kind(files)
        yield from cases_among(files, task)
        return
    below = [inner for inner in folders_in(folder) if images_in(inner) and not is_called(inner, LABEL_FOLDERS)]
    if not below:
        raise InputError(
            "no image in this folder",
            where=folder,
            expected="images such as .nii.gz, .nrrd or .png, in it or one level below",
            hint="Give the folder that the images lie in.",
        )
    collections = [inner for inner in below if is_called(inner, IMAGE_FOLDERS)]
    for inner in collections or below:
        require_one_kind(images_in(inner))
        found = list(cases_among(images_in(inner), task, one=not collections))
        if len(found) == 1 and not collections:
            found = [found[0].model_copy(update={"id": inner.name, "patient": inner.name})]
        yield from found


def require_one_kind(files: Sequence[Path]) -> None:
    """Raise InputError for DICOM files among other images: each could be a scan, or a slice of one."""
    among = [file for file in files if file.suffix.lower() == ".dcm"]
    if among and len(among) < len(files):
        raise InputError(
            "DICOM files among other images",
            where=among[0].parent,
            expected="a folder of either",
            found=f"{len(among)} DICOM files, {len(files) - len(among)} others",
            hint="Keep them apart, or give the files that are meant.",
        )


def is_called(folder: Path, names: Sequence[str]) -> bool:
    """Whether a folder has one of these names, upper and lower case alike; nnU-Net's imagesTs counts as imagesTr."""
    name = folder.name.lower()
    return name in names or (name.endswith("ts") and f"{name[:-1]}r" in names)


def cases_among(files: Sequence[Path], task: Task, *, one: bool = False) -> Iterator[Case]:
    """The files of one folder as cases. one: they are one case if their names tell every channel of the task once."""
    every = [part_of(file, task) for file in files]
    labels = set(labels_among(every, task))
    parts = [part for part in every if part not in labels]
    told = sorted(part.channel for part in parts if part.channel is not None)
    if len(task.channels) == 1:
        yield from single_channel([part.file for part in parts])
    elif one and told == list(range(len(task.channels))):
        yield joined(folder_of(files[0]), parts, task, chosen=False)
    else:
        yield from grouped(parts, task, chosen=False)


def labels_among(parts: Sequence[Part], task: Task) -> list[Part]:
    """The files that are labels and no images: by their names, with an image of the same case among the others.

    Where each channel has a file, the name alone decides: a file without a channel could not be answered anyhow.
    """
    named = {part.file: label_case(stem(part.file)) if part.channel is None else None for part in parts}
    others = [part for part in parts if named[part.file] is None]
    if len(task.channels) > 1 and not is_colour(task):
        labels = [part for part in parts if named[part.file] is not None] if others else []
        return [part for part in labels if not holds_all(part.file, task)]
    cases = {name for part in others for name in (part.group, stem(part.file), image_case(stem(part.file)))}
    cases |= {case_name(part.file) for part in others}
    return [
        part for part in parts if (name := named[part.file]) is not None and (name or folder_of(part.file)) in cases
    ]


def folder_of(file: Path) -> str:
    """The name of the folder that a file lies in."""
    return file.absolute().parent.name


def single_channel(files: Sequence[Path]) -> Iterator[Case]:
    """A case for each file. Raises InputError if two have one name."""
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(case_name(file), []).append(file)
    for name, members in groups.items():
        if len(members) > 1:
            found = ", ".join(file.name for file in members)
            hint = "Give one file a case, under a name of its own."
            raise InputError("not a file for each channel", where=name, expected="one file", found=found, hint=hint)
        yield one_case(name, members)


def case_name(file: Path) -> str:
    """A single image's case: its name without nnU-Net's number of the first channel.

    >>> case_name(Path("p1_0000.nii.gz")), case_name(Path("p1_0001.nii.gz"))
    ('p1', 'p1_0001')
    """
    return stem(file).removesuffix("_0000") or stem(file)


def one_case(name: str, files: Sequence[Path]) -> Case:
    """A case that is a patient of its own."""
    return Case(id=name, images=tuple(files), patient=name)


def part_of(file: Path, task: Task) -> Part:
    """What the file's name says. A task's own channel name goes before the words that are channels' names anywhere."""
    name = stem(file)
    for index, channel in own_names(task).items():
        if match := re.fullmatch(rf"(?:(.+){SEPARATOR})?{re.escape(channel)}", name, re.IGNORECASE):
            return Part(file, match[1] or "", index, channel)
    case, word = channel_case(name)
    if not word or (word.isdecimal() and is_colour(task)):
        unnamed = [index for index, channel in enumerate(task.channels) if channel.name == ""]
        return Part(file, name if word else case, unnamed[0] if unnamed and label_case(name) is None else None)
    if word.isdecimal():
        number = number_of(word, task)
        return Part(file, case, number, word, stranger=number is None)
    words = [channel_case(channel.name)[1].lower() for channel in task.channels]
    known = words.index(word.lower()) if words.count(word.lower()) == 1 else None
    speaks = any(own and not own.isdecimal() for own in words)
    return Part(file, case, known, word, stranger=known is None and speaks)


def own_names(task: Task) -> dict[int, str]:
    """Names of channels that no other channel has too, the longest first: "t1 ce" before "ce"."""
    names = [channel.name for channel in task.channels]
    lower = [name.lower() for name in names]
    unique = {index: name for index, name in enumerate(names) if name and lower.count(name.lower()) == 1}
    return dict(sorted(unique.items(), key=lambda item: -len(item[1])))


def number_of(digits: str, task: Task) -> int | None:
    """The channel that nnU-Net's number means; None if the task has none of it. Numbers may have gaps in training."""
    names = [channel.name for channel in task.channels]
    if "channel 0" in names:
        return names.index(f"channel {int(digits)}") if f"channel {int(digits)}" in names else None
    return int(digits) if int(digits) < len(names) else None


def is_colour(task: Task) -> bool:
    """Whether the channels are the colours of a picture, which lie in one file."""
    return len(task.channels) > 1 and all(channel.modality == "rgb" for channel in task.channels)


def holds_all(file: Path, task: Task) -> bool:
    """Whether one file has all channels of the task; False if it cannot be read, which is said when it is to be answered.

    A grey picture saved in colour is no file of three channels, unless the task's are colours.
    """
    try:
        channels = read_grid(file, as_channels=True).channels
    except InputError:
        return False
    return channels == len(task.channels) and (is_colour(task) or not is_picture(file))


def cases_of_files(files: Sequence[Path], task: Task) -> Iterator[Case]:
    """Files given one by one to a model of several channels: one case if they are as many and some say nothing."""
    parts = [part_of(file, task) for file in files]
    silent = [part.file for part in parts if not part.word]
    together = bool(silent) and len(files) == len(task.channels) and not is_colour(task)
    if together and not any(label_case(stem(file)) is not None or holds_all(file, task) for file in silent):
        name = next((part.group for part in parts if part.word), stem(files[0]))
        yield joined(name, parts, task, chosen=True)
    else:
        yield from grouped(parts, task, chosen=True)


def grouped(parts: Sequence[Part], task: Task, *, chosen: bool) -> Iterator[Case]:
    """Files as cases by their names; each for itself where no name of the case tells a channel, or one holds them all."""
    groups: dict[str, list[Part]] = {}
    for part in parts:
        alone = part.word.isdecimal() and holds_all(part.file, task)
        own = Part(part.file, stem(part.file)) if alone else part
        groups.setdefault(own.group, []).append(own)
    for name, members in groups.items():
        if any(part.word for part in members):
            yield joined(name, members, task, chosen=chosen)
        else:
            yield from (one_case(stem(part.file), [part.file]) for part in members)


def joined(name: str, parts: Sequence[Part], task: Task, *, chosen: bool) -> Case:
    """One case of these files, in the task's order. Raises InputError if their names contradict it.

    chosen: whether the files were given one by one, in an order that says something; all of them are then used.
    """
    placed: dict[int, Part] = {}
    for part in (part for part in parts if part.channel is not None):
        assert part.channel is not None
        if part.channel in placed:
            raise contradiction("two files for one channel", [placed[part.channel], part], task)
        placed[part.channel] = part
    free = [index for index in range(len(task.channels)) if index not in placed]
    strangers = [part for part in parts if part.stranger]
    loose = [part for part in parts if part.channel is None and not part.stranger]
    if strangers and (free or chosen):
        raise contradiction("a channel that the model does not have", strangers, task)
    if (free or chosen) and len(loose) != len(free):
        raise contradiction("not a file for each channel", parts, task)
    if len(free) > 1 and not chosen:
        raise contradiction("names that do not tell which channel is which", parts, task)
    placed |= dict(zip(free, loose, strict=False))
    return one_case(name, [placed[index].file for index in range(len(task.channels))])


def contradiction(message: str, parts: Sequence[Part], task: Task) -> InputError:
    """The error for files that cannot be the channels of one case."""
    names = [channel.name for channel in task.channels]
    numbered = ", ".join(f"case_{index:04d}" for index in range(min(2, len(names))))
    return InputError(
        message,
        where=parts[0].file,
        expected=", ".join(names),
        found=", ".join(part.file.name for part in parts[:8]),
        hint=f"Name the files of a case as the channels are, or {numbered} …; names that tell nothing may be given in order.",
    )
