"""What an image or a label map is read from: a file or several, a part of a DICOM series, or an item of an array. Values
that travel, JSON both ways.

They stand apart from the readers so that a data set of other files does not wait for pydicom.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DicomVolume:
    """One volume of a DICOM series. files: those that it lies in, at least one. name: which of the series' volumes it is, ""
    if it is the only one.

    frame: UID of its frame of reference, "" if it has none: volumes of one frame lie in one space, others may not. tiled:
    whether its slices are parts of images (a mosaic). The order of the files says nothing.
    """

    files: tuple[Path, ...]
    name: str = ""
    frame: str = ""
    tiled: bool = False

    @property
    def path(self) -> Path:
        """Where it lies, for people: the file if it is one, else the folder of the first."""
        return self.files[0] if len(self.files) == 1 else self.files[0].parent


@dataclass(frozen=True, slots=True)
class DicomLabel:
    """A label map of one image. files: segmentations and structure sets. values: what a voxel of each name holds.

    Names that are not among the values are left out. bits: whether values of names that share a voxel are joined (else the
    later name in a file wins).
    """

    files: tuple[Path, ...]
    image: DicomVolume
    values: tuple[tuple[str, int], ...]
    bits: bool = False

    @property
    def path(self) -> Path:
        """The first file, for messages."""
        return self.files[0]


@dataclass(frozen=True, slots=True)
class LabelFiles:
    """One label map in several files of one grid: a file for each lesion, or for each structure.

    values: what a voxel that is not 0 holds in each file; None where the files' own values are kept, those of all or of one.
    bits: whether values of files that share a voxel are joined. kept: the values that files whose own are kept may hold beside
    0, so that none is taken for a bit; empty for any.
    """

    files: tuple[Path, ...]
    values: tuple[int | None, ...] | None = None
    bits: bool = False
    kept: tuple[int, ...] = ()

    @property
    def path(self) -> Path:
        """The first file, for messages."""
        return self.files[0]


@dataclass(frozen=True, slots=True)
class ArrayItem:
    """One image of a NumPy archive (.npz): item `index` along the first axis of the array that is called `key`."""

    path: Path
    key: str
    index: int


Source = Path | DicomVolume | ArrayItem
LabelSource = Path | DicomLabel | LabelFiles


def place_of(source: Source | LabelSource) -> Path:
    """Where a source lies, for messages: the file or archive, or the folder of a series."""
    return source if isinstance(source, Path) else source.path


def frame_of(source: Source | LabelSource) -> str:
    """UID of the frame of reference that an image lies in; "" where nothing says it."""
    return source.frame if isinstance(source, DicomVolume) else ""


def files_of(source: Source | LabelSource) -> tuple[Path, ...]:
    """Every file that reading a source reads; of a label, not those of its image."""
    if isinstance(source, ArrayItem):
        return (source.path,)
    return (source,) if isinstance(source, Path) else source.files
