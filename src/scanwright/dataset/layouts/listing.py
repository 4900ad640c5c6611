"""What a folder holds, as layouts see it: image files by stem, folders by name. Nothing is opened here.

Hidden files (among them macOS's "._scan.nii.gz" shadows) do not count. Symbolic links are followed as the file system
does; listings go one level deep at a time, so a loop of links cannot trap them. A link with an image's name that leads
nowhere is listed: reading it says so, where a scan left out without a word would be missed by nobody. Paths written in a
file are relative to that file; a table may point anywhere, since its owner wrote it, and the checks read nothing but images
there.
"""

from collections.abc import Iterable
from pathlib import Path

from scanwright.errors import InputError, UnreadableFile
from scanwright.io.formats import is_image


def images_in(folder: Path) -> list[Path]:
    """Image files directly in a folder, and links of such names to nothing, sorted by name; none if there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if is_image(path) and (path.is_file() or is_dead_link(path)))


def is_dead_link(path: Path) -> bool:
    """Whether a path is a symbolic link to nothing, or in a circle."""
    return path.is_symlink() and not path.exists()


def require_target(path: Path) -> None:
    """Raise UnreadableFile, saying where it leads, for a link to nothing."""
    if is_dead_link(path):
        raise UnreadableFile(
            "no such file: a link to nothing",
            where=path,
            expected="an image",
            found=f"a link to {path.readlink()}",
            hint="Mend the link, or remove it.",
        )


def folders_in(folder: Path) -> list[Path]:
    """Folders directly in a folder, hidden ones left out, sorted by name; none if it is a file."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_dir())


def folders_named(root: Path, names: Iterable[str], *, below: bool = False) -> list[Path]:
    """Folders in root that hold an image (below: in a folder of theirs) and are called as one of `names`, in any case."""
    wanted = {name.lower() for name in names}
    called = [folder for folder in folders_in(root) if folder.name.lower() in wanted]
    return [folder for folder in called if any(images_in(held) for held in (folders_in(folder) if below else [folder]))]


def tables_in(folder: Path) -> list[Path]:
    """CSV and TSV files directly in a folder, and links of such names to nothing, sorted by name; none if it is a file."""
    if not folder.is_dir():
        return []
    suffixes = (".csv", ".tsv")
    named = [path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith(".")]
    return sorted(path for path in named if path.is_file() or is_dead_link(path))


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
