"""A case's files put into another folder: copied byte for byte, or linked; written anew only where they must change.

Written anew, without loss, is what is no single file (DICOM series, archives, two-file formats), what has to be parted or put
together by channels, and a label whose values change. Every file gets its name in one step, when it is whole.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from scanwright.dataset.cases import Case
from scanwright.dataset.images import read_case_image
from scanwright.dataset.task import Task
from scanwright.dataset.translate import Translation, translated
from scanwright.errors import InputError
from scanwright.files import as_resource_error, writing
from scanwright.geometry.volume import Volume
from scanwright.io.formats import read_label, suffix_of, write_label, write_volume
from scanwright.io.source import LabelSource, Source

IN_TWO_FILES = (".mhd", ".nhdr", ".dcm")
"""Formats of which one file is not the whole image, or not as a table's cell can name it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """Where a case's files were put, relative to the folder; "" for a label where there is none."""

    images: tuple[str, ...]
    label: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placing:
    """A folder that files come into, and how.

    apart: a file for each channel; else one for all. link: hard links instead of copies, where the file system can.
    resume: files that are there already are whole and right, as an earlier session of the same work left them.
    """

    root: Path
    task: Task
    apart: bool
    link: bool = False
    resume: bool = False

    def place(
        self, case: Case, source: Task, translation: Translation, *, name: str, answer: Volume | None = None
    ) -> Placed:
        """Put a case's files into the folder under another name. source: the task as which they are read.

        answer: a label map to write instead of the case's own.
        """
        images = self._place_images(case, source, translation, name)
        if answer is not None:
            return Placed(images=images, label=self._write_label(answer, name))
        return Placed(
            images=images, label="" if case.label is None else self._place_label(case.label, translation, name)
        )

    def _place_images(self, case: Case, source: Task, translation: Translation, name: str) -> tuple[str, ...]:
        wanted = len(self.task.channels) if self.apart else 1
        order = [translation.channels[k] for k in range(wanted)] if self.apart else [0]
        straight = self.apart or translation.channels == tuple(range(len(translation.channels)))
        if len(case.images) == wanted and straight and all(_can_stay(image) for image in case.images):
            files = [(case.images[place], _numbered(name, k, wanted)) for k, place in enumerate(order)]
            return tuple(self._keep(image, "images", called) for image, called in files)
        image = read_case_image(case, source)
        groups = [[place] for place in translation.channels] if self.apart else [list(translation.channels)]
        return tuple(
            self._write(image.with_voxels(image.voxels[group]), _numbered(name, k, wanted))
            for k, group in enumerate(groups)
        )

    def _place_label(self, label: LabelSource, translation: Translation, name: str) -> str:
        if translation.keeps_values and _can_stay(label):
            return self._keep(label, "labels", name)
        found = read_label(label)
        return self._write_label(found.with_voxels(translated(found.voxels, translation.values)), name)

    def _write_label(self, label: Volume, name: str) -> str:
        """Write a label map anew: of a picture as PNG, else as NIfTI."""
        file = self.root / "labels" / f"{name}{'.png' if _is_pictured(label) else '.nii.gz'}"
        if not (self.resume and file.is_file()):
            write_label(file, label)
        return f"labels/{file.name}"

    def _keep(self, image: Source | LabelSource, folder: str, name: str) -> str:
        """Copy or link one file."""
        assert isinstance(image, Path)
        file = self.root / folder / f"{name}{suffix_of(image)}"
        if not (self.resume and file.is_file()):
            place_file(image, file, link=self.link)
        return f"{folder}/{file.name}"

    def _write(self, image: Volume, name: str) -> str:
        """Write an image anew: a picture as PNG, or TIFF where PNG cannot hold it; all else as NIfTI."""
        for suffix in (".png", ".tif") if _is_pictured(image) else (".nii.gz",):
            file = self.root / "images" / f"{name}{suffix}"
            if self.resume and file.is_file():
                return f"images/{file.name}"
            try:
                write_volume(file, image)
            except InputError:
                if suffix == ".png":
                    continue
                raise
            return f"images/{file.name}"
        raise AssertionError("unreachable")


def place_file(source: Path, target: Path, *, link: bool = False) -> None:
    """Copy a file to a place in one step, or make it a hard link there; a copy where the file system cannot link.

    What is at the place is replaced. Raises ResourceError if the place cannot be written, InputError if there is no source.
    """
    if not source.is_file():
        raise InputError("no such file", where=source, hint="It was there a moment ago: is somebody else at work here?")
    if link and _linked(source, target):
        return
    with source.open("rb") as stream, writing(target) as made:
        shutil.copyfileobj(stream, made, 1 << 20)


def _linked(source: Path, target: Path) -> bool:
    aside = target.with_name(f".{target.name[:80]}.link")
    with as_resource_error(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), aside)
    except OSError:
        return False
    aside.replace(target)
    aside.unlink(missing_ok=True)  # where both are one file already, the system renames nothing
    return True


def _is_pictured(volume: Volume) -> bool:
    """Whether a volume is a picture: one slice without a place in space."""
    return volume.grid.unit == "px" and volume.shape[2] == 1


def _can_stay(source: Source | LabelSource) -> bool:
    """Whether a source is one file that a table can name."""
    return isinstance(source, Path) and suffix_of(source) not in IN_TWO_FILES


def _numbered(name: str, place: int, count: int) -> str:
    return name if count == 1 else f"{name}_{place + 1}"
