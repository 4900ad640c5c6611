"""What a folder holds, as layouts see it: image files by stem, folders by name. Nothing is opened here.

Hidden files (among them macOS's "._scan.nii.gz" shadows) do not count. Symbolic links are followed as the file system
does; listings go one level deep at a time, so a loop of links cannot trap them. Paths written in a file are relative to
that file; a table may point anywhere, since its owner wrote it, and the checks read nothing but images there.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from scanwright.dataset.cases import Fault
from scanwright.errors import InputError
from scanwright.io.formats import is_image, stem


def images_in(folder: Path) -> list[Path]:
    """Image files directly in a folder, sorted by name; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if not path.name.startswith(".") and is_image(path) and path.is_file()
    )


def folders_in(folder: Path) -> list[Path]:
    """Folders directly in a folder, hidden ones left out, sorted by name."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_dir())


def folders_named(root: Path, names: Iterable[str]) -> list[Path]:
    """Folders in root that hold an image and whose name is one of `names`, upper and lower case alike."""
    wanted = {name.lower() for name in names}
    return [folder for folder in folders_in(root) if folder.name.lower() in wanted and images_in(folder)]


def tables_in(folder: Path) -> list[Path]:
    """CSV and TSV files directly in a folder, sorted by name."""
    suffixes = (".csv", ".tsv")
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith(".")
    )


def by_stem(paths: Sequence[Path]) -> tuple[dict[str, Path], list[Fault]]:
    """Files by their name without suffix; a Fault for each further file of the same stem (a.nii beside a.nii.gz)."""
    found: dict[str, Path] = {}
    faults = []
    for path in paths:
        first = found.setdefault(stem(path), path)
        if first is not path:
            faults.append(two_files(stem(path), first, path))
    return found, faults


def two_files(case: str, first: Path, second: Path) -> Fault:
    """The fault of two files that claim to be the same thing of one case."""
    return Fault(
        code="ambiguous-files",
        severity="error",
        case=case,
        file=second,
        expected="one file",
        found=f"{first.name} and {second.name}",
        action="Remove one of them.",
    )


def resolved(text: str, *, beside: Path) -> Path:
    """A path as written in the file `beside`: relative to that file's folder unless absolute; backslashes are
    separators too.
    """
    path = Path(text.strip())
    if not path.is_absolute() and "\\" in text:
        path = Path(text.strip().replace("\\", "/"))
    if "\0" in text:
        raise InputError("not a path", where=beside, found=repr(text[:80]))
    return path if path.is_absolute() else beside.parent / path
