"""Images in formats that are not read here: no case is made of them, and that is said.

unread-format   warning   files with the suffix of such a format in the folder, how many of each
"""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from scanwright.dataset.cases import Fault

UNREAD = (
    ".webp", ".gif", ".heic", ".heif", ".avif", ".jfif", ".jp2", ".j2k", ".jpx", ".jxl", ".ppm", ".pgm", ".pbm", ".tga",
    ".svs", ".ndpi", ".mrxs", ".czi",
)  # fmt: skip
CONVERT = "Save them as PNG or TIFF (scans as NIfTI), or move them away."
DEEPEST = 8  # folders below the data set's


def unread_suffix(name: str) -> str | None:
    """The suffix of a name, in lower case, if it is that of an image format that is not read; else None.

    >>> unread_suffix("images/p01.WEBP"), unread_suffix("p01.png")
    ('.webp', None)
    """
    suffix = Path(name.strip().replace("\\", "/")).suffix.lower()
    return suffix if suffix in UNREAD else None


def unread_files(root: Path) -> dict[str, list[Path]]:
    """Files of unread formats in a folder and below it, by suffix, the most frequent first; hidden ones do not count.

    Links to folders are not followed, and folders deeper than DEEPEST not looked into. A file has nothing in it.
    """
    found: dict[str, list[Path]] = defaultdict(list)
    for folder, inner, files in os.walk(root):
        is_deepest = len(Path(folder).relative_to(root).parts) >= DEEPEST
        inner[:] = [] if is_deepest else sorted(name for name in inner if not name.startswith("."))
        for name in sorted(files):
            suffix = unread_suffix(name)
            if suffix is not None and not name.startswith("."):
                found[suffix].append(Path(folder) / name)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def passed_over(root: Path) -> Iterable[Fault]:
    """One warning for all files of unread formats in a data set's folder; nothing if there is none."""
    found = unread_files(root)
    if not found:
        return ()
    first = next(iter(found.values()))[0]
    fault = Fault(
        code="unread-format",
        severity="warning",
        file=first,
        expected="images in formats that are read",
        found=f"{counted(found)} passed over, such as {first.relative_to(root)}",
        action=CONVERT,
        numbers={"files": float(sum(map(len, found.values())))},
    )
    return (fault,)


def counted(found: dict[str, list[Path]]) -> str:
    """How many files of each suffix: "12 .webp and 1 .gif files"."""
    total = sum(map(len, found.values()))
    return " and ".join(f"{len(files)} {suffix}" for suffix, files in found.items()) + f" file{'s' * (total > 1)}"
