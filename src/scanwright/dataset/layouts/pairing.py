"""From named files to cases: images meet their label, channels come together, what has no partner becomes a Fault."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scanwright.dataset.cases import Case, Fault, Side
from scanwright.dataset.layouts.names import are_numbered
from scanwright.dataset.layouts.unread import unread_suffix
from scanwright.dataset.task import Channel
from scanwright.io.formats import stem
from scanwright.io.source import LabelFiles, LabelSource


@dataclass(kw_only=True)
class Found:
    """Files that belong together by name: images by channel key, and labels. Filled while a folder is walked.

    drawn: masks that lie in a folder of the case's own. label: what is read as the label, where that is decided.
    surplus: images that claim a channel which another file has already (a.nii beside a.nii.gz).
    promised: a file that a list names for this case, whether it is there or not.
    listed, listed_label: what a list writes for the image of each channel, and for the label; "" for nothing.
    """

    images: dict[str, Path] = field(default_factory=dict)
    labels: list[Path] = field(default_factory=list)
    drawn: list[Path] = field(default_factory=list)
    label: LabelSource | None = None
    surplus: list[Path] = field(default_factory=list)
    promised: Path | None = None
    listed: Mapping[str, str] = field(default_factory=dict)
    listed_label: str = ""

    @property
    def label_files(self) -> list[Path]:
        """Every file that a label may come from."""
        return [*self.labels, *self.drawn]

    def add_image(self, channel: str, path: Path) -> None:
        """Take a file as a channel, or as surplus if there is one."""
        if channel in self.images:
            self.surplus.append(path)
        else:
            self.images[channel] = path


def make_cases(
    found: Mapping[str, Found], *, channels: Sequence[str], split: Side = "train"
) -> tuple[list[Case], list[Fault]]:
    """Cases sorted by id, and a Fault for each missing or unused channel, missing image and missing or second label.

    channels: the channel keys that every case needs, in the task's order. A case without a label stays (label None); a
    label without images, a case that lacks a channel and one of which no file exists are left out.
    """
    cases: list[Case] = []
    faults: list[Fault] = []
    for name in sorted(found):
        parts = found[name]
        absent = [key for key in channels if key not in parts.images]
        images_listed = [text for key in absent if (text := parts.listed.get(key, ""))]
        if not parts.images and parts.label_files:
            faults.append(missing_image(name, parts.label_files[0], listed=images_listed))
            continue
        if not parts.images:
            faults.append(nothing_there(name, parts.promised, listed=[*images_listed, parts.listed_label]))
            continue
        if absent:
            first = next(iter(parts.images.values()))
            faults.append(missing_channel(name, first, absent, channels, listed=images_listed))
            continue
        faults += [ambiguous_image(name, next(iter(parts.images.values())), path) for path in parts.surplus]
        label = parts.label or label_of(parts.labels)
        if (len(parts.labels) > 1 and not isinstance(label, LabelFiles)) or (parts.labels and parts.drawn):
            faults.append(several_labels(name, parts.label_files))
        unused = [path for key, path in parts.images.items() if key not in channels]
        if unused:
            faults.append(unused_channel(name, unused, channels))
        if label is None:
            faults.append(missing_label(name, parts.images[channels[0]], listed=parts.listed_label))
        images = tuple(parts.images[key] for key in channels)
        cases.append(Case(id=name, images=images, label=label, patient=name, split=split))
    return cases, faults


def label_of(files: Sequence[Path]) -> LabelSource | None:
    """The label of a case: its file, or several that are numbered, which are joined; of others the first. None without one."""
    if len(files) > 1 and are_numbered([stem(path) for path in files]):
        return LabelFiles(tuple(files))
    return files[0] if files else None


def common_channels(found: Iterable[Found]) -> list[str]:
    """The channel keys of a data set: those that more than half of the cases with images have, sorted.

    Where no key is in half of the cases (each has its own), all keys.
    """
    sets = [set(parts.images) for parts in found if parts.images]
    every = sorted(set().union(*sets))
    usual = [key for key in every if 2 * sum(key in keys for keys in sets) > len(sets)]
    return usual or every


def in_declared_order(keys: Sequence[str], channels: Sequence[Channel] | None) -> list[str]:
    """Channel keys in the order of declared channels of the same names (upper and lower case alike); else as they are."""
    named = {key.lower(): key for key in keys}
    wanted = [channel.name.lower() for channel in channels or ()]
    return [named[name] for name in wanted] if sorted(wanted) == sorted(named) else list(keys)


def _nowhere(listed: Sequence[str]) -> str:
    """The places that a list names and where no image is, or one in a format that is not read; "" if it names none."""
    named = [text for text in listed if text]
    unread = [text for text in named if unread_suffix(text)]
    said = [f"{_places(unread)}: a format that is not read"] if unread else []
    if absent := [text for text in named if text not in unread]:
        said.append(f"no image file at {_places(absent)}")
    return ", and ".join(said)


def _places(named: Sequence[str]) -> str:
    return " and ".join(text[:200] for text in named)


def _remedy(listed: Sequence[str], otherwise: str) -> str:
    """What to do about files that a list names: save those of an unread format in one that is read, or `otherwise`."""
    is_unread = any(unread_suffix(text) for text in listed)
    return "Save it as PNG or TIFF and correct the list, or exclude the case." if is_unread else otherwise


def missing_label(case: str, image: Path, *, listed: str = "") -> Fault:
    """An image without a label. listed: where a list says that it is."""
    return Fault(
        code="missing-label",
        severity="error",
        case=case,
        file=image,
        expected="the label that the list names" if listed else "a label of the same name",
        found=_nowhere([listed]) or "none",
        action=_remedy([listed], "Add the label, or exclude the case."),
    )


def missing_image(case: str, label: Path, *, listed: Sequence[str] = ()) -> Fault:
    """A label without an image. listed: where a list says that it is."""
    return Fault(
        code="missing-image",
        severity="error",
        case=case,
        file=label,
        expected="the image that the list names" if listed else "an image of the same name",
        found=_nowhere(listed) or "none",
        action=_remedy(listed, "Add the image, or remove the label."),
    )


def missing_channel(
    case: str, image: Path, absent: Sequence[str], channels: Sequence[str], *, listed: Sequence[str] = ()
) -> Fault:
    """A case that has some of its channels only. listed: where a list says that the others are."""
    nowhere = _nowhere(listed)
    return Fault(
        code="missing-channel",
        severity="error",
        case=case,
        file=image,
        expected=f"channels {', '.join(channels)}",
        found=f"no {', '.join(absent)}" + (f": {nowhere}" if nowhere else ""),
        action=_remedy(listed, "Add the file, or exclude the case."),
    )


def unused_channel(case: str, unused: Sequence[Path], channels: Sequence[str]) -> Fault:
    """Images of a case that are none of the task's channels, and so are never read."""
    return Fault(
        code="unused-channel",
        severity="warning",
        case=case,
        file=unused[0],
        expected=f"channels {', '.join(channels)}",
        found=", ".join(path.name for path in unused[:4]),
        action="Declare the channel if the model shall see it, or move the file away.",
    )


def ambiguous_image(case: str, first: Path, second: Path) -> Fault:
    """Two image files that claim to be the same channel of one case."""
    return Fault(
        code="ambiguous-files",
        severity="error",
        case=case,
        file=second,
        expected="one file for each channel",
        found=f"{first.name} and {second.name}",
        action="Remove one of them, or give their channels names such as _t1 and _t2.",
    )


def several_labels(case: str, labels: Sequence[Path]) -> Fault:
    """Two or more label files that fit one image and are not numbered; the first is used if the case is kept."""
    return Fault(
        code="several-labels",
        severity="error",
        case=case,
        file=labels[1],
        expected="one label file",
        found=", ".join(path.name for path in labels[:4]),
        action="Merge them into one file, or remove all but one.",
    )


def nothing_there(case: str, file: Path | None, *, listed: Sequence[str] = ()) -> Fault:
    """The fault of a case that a list names and of which no file exists. listed: where it says that they are."""
    return Fault(
        code="missing-files",
        severity="error",
        case=case,
        file=file,
        expected="the image and label that the list names",
        found=_nowhere(listed) or "neither",
        action=_remedy(listed, "Restore the files, or remove the entry from the list."),
    )


def left_out(files: Sequence[Path], what: str, *, action: str) -> Fault:
    """A note on files (at least one) that no case has."""
    found = f"{len(files)} {what}, such as {files[0].name}"
    return Fault(code="left-out", severity="note", file=files[0], found=found, action=action)
