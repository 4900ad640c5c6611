"""COCO: JSON files with "images", "annotations" and "categories", in the folder, in annotations/, or one in each side's folder.

    annotations/instances_train2017.json   train2017/… or images/train2017/…
    train/_annotations.coco.json           train/…                              (as Roboflow writes it)
    boxes.json                             images/…

A picture is looked for under its file_name beside the JSON file, in images/, and in a folder that is named like the side.
"test" in the name of the file or its folder makes a declared test split; all others are learned from, since validation cases
come from the folds. Where a file is named instances…, as COCO's own are, others (captions, keypoints) are left alone.

"bbox" is [x, y, width, height] from the upper left corner of the picture, in pixels that are counted from 0 and may be
fractions: a Box goes from (x, y) to (x + width, y + height). "iscrowd" objects are ignored. A picture without an annotation
was looked at, and nothing is there. A category that no box has is no class (boxes.py): Roboflow writes a heading as one.

Source: cocodataset.org, "Data format"; Lin et al. 2014, ECCV, LNCS 8693:740.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path
from typing import Any

from scanwright.dataset.cases import Box, Dataset, Fault, Side
from scanwright.dataset.declare import FILE_NAME, Declaration
from scanwright.dataset.layouts.boxes import (
    Drawn,
    Size,
    is_there,
    make_dataset,
    names_of,
    numbers,
    undeclared_class,
    unlisted_pictures,
    unreadable_label,
)
from scanwright.dataset.layouts.listing import folders_in, resolved
from scanwright.dataset.layouts.pairing import several_labels
from scanwright.dataset.layouts.sides import unclear_side, word_of
from scanwright.errors import InputError
from scanwright.files import read_json
from scanwright.types import JSON

NAME = "coco"
LOOKED_FOR = (
    'a JSON file with "images", "annotations" and "categories" (COCO), also in annotations/ or train/ and test/'
)

KEYS = ("images", "annotations", "categories")
MAX_BYTES = 512 << 20  # COCO's own instances_train2017.json has 449 MB
OWN = "instances"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One JSON file: its lists, the names of its categories by number, and the side that its name speaks of."""

    path: Path
    images: Sequence[dict[str, JSON]]
    annotations: Mapping[int | str, list[dict[str, JSON]]]
    categories: Mapping[int | str, str]
    split: Side


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One picture of a listing, by its number there."""

    listing: Listing
    number: int | str
    image: Path
    size: Size | None


def detect(root: Path) -> str | None:
    """Why the folder is COCO's: the first JSON file that is one. Files over 512 MiB are not looked into."""
    for path in _candidates(root):
        if path.stat().st_size <= MAX_BYTES and _is_coco(path):
            return f"{path.relative_to(root)} lists images, annotations and categories"
    return None


def read(root: Path, declared: Declaration) -> Dataset:
    """Read all JSON files of COCO's kind in the folder.

    Raises InputError if there is none, one is over 512 MiB or its lists are malformed, or there is no box at all.
    """
    listings, faults = _listings(root)
    entries, more = _entries(listings, root)
    names = names_of([entry.image for entry in entries])
    drawn: list[Drawn] = []
    firsts: dict[Path, tuple[str, Entry]] = {}
    for name, entry in zip(names, entries, strict=True):
        firsts.setdefault(entry.image, (name, entry))
    for name, entry in firsts.values():
        one, own = _drawn(name, entry)
        drawn.append(one)
        more += own
    return make_dataset(
        root,
        drawn,
        layout=NAME,
        form=f"COCO {', '.join(str(listing.path.relative_to(root)) for listing in listings)}",
        classes=[name for listing in listings for name in listing.categories.values()],
        declared=declared,
        source="COCO categories",
        faults=(*faults, *_twice(names, entries), *more, *unlisted_pictures(firsts, file=listings[0].path)),
    )


def _candidates(root: Path) -> list[Path]:
    """JSON files that could be COCO's: in the folder, in annotations/, and in folders that are named like a side."""
    inside = [folder for folder in folders_in(root) if folder.name.lower() == "annotations" or word_of(folder.name)]
    folders = [root, *inside] if root.is_dir() else []
    paths = [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix.lower() == ".json"]
    return [path for path in paths if path.name[0] != "." and path.name != FILE_NAME and path.is_file()]


def _is_coco(path: Path) -> bool:
    try:
        data = path.read_bytes()
    except OSError:
        return False
    if not all(f'"{key}"'.encode() in data for key in KEYS):  # most other files are told so, without parsing
        return False
    try:
        found = read_json(path)
    except InputError:
        return False
    return isinstance(found, dict) and all(isinstance(found.get(key), list) for key in KEYS)


def _listings(root: Path) -> tuple[list[Listing], list[Fault]]:
    paths = _candidates(root)
    for path in paths:
        if path.stat().st_size > MAX_BYTES:
            raise InputError("the JSON file is too large", where=path, expected=f"at most {MAX_BYTES >> 20} MiB")
    paths = [path for path in paths if _is_coco(path)]
    paths = [path for path in paths if path.name.startswith(OWN)] or paths
    if not paths:
        raise InputError("no JSON file of COCO's kind", where=root, expected=LOOKED_FOR)
    listings, faults = [], []
    for path in paths:
        words = _words(path, root)
        listings.append(_listing(path, "test" if "test" in words else "train"))
        if {"train", "test"} <= words:
            faults.append(unclear_side(path.name, path, path.name))
    return listings, faults


def _words(path: Path, root: Path) -> set[str | None]:
    """What the names of a file and its folder say about its side: of "instances_train2017" the word is "train"."""
    parts = re.findall(r"[a-z]+", path.stem.lower())
    return {word_of(part) for part in [*parts, *([path.parent.name] if path.parent != root else [])]}


def _listing(path: Path, split: Side) -> Listing:
    """One file. Raises InputError for entries that are not what COCO has."""
    found = read_json(path)
    by_image: dict[int | str, list[dict[str, JSON]]] = defaultdict(list)
    for each in found["annotations"]:
        by_image[_number(each, "image_id", path)].append(each)
    categories: dict[int | str, str] = {}
    for each in found["categories"]:
        number, name = _number(each, "id", path), _text(each, "name", path)
        if categories.setdefault(number, name) != name:
            raise InputError(
                "two categories with one number", where=path, found=f"{number}: {categories[number]}, {name}"
            )
    return Listing(path=path, images=found["images"], annotations=by_image, categories=categories, split=split)


def _number(entry: JSON, key: str, path: Path) -> int | str:
    number = entry.get(key) if isinstance(entry, dict) else None
    if isinstance(number, bool) or not isinstance(number, int | str):
        raise _malformed(entry, f'a number "{key}"', path)
    return number


def _text(entry: JSON, key: str, path: Path) -> str:
    text = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise _malformed(entry, f'a text "{key}"', path)
    return text.strip()


def _malformed(entry: JSON, expected: str, path: Path) -> InputError:
    found = repr(entry)
    return InputError(
        "an entry of the lists is malformed",
        where=path,
        expected=expected,
        found=found[:80] + ("…" if len(found) > 80 else ""),
        hint="Write the file anew with the tool that made it.",
    )


def _entries(listings: Sequence[Listing], root: Path) -> tuple[list[Entry], list[Fault]]:
    """All pictures, each once; the faults of annotations whose picture is in no list."""
    entries: list[Entry] = []
    faults: list[Fault] = []
    for listing in listings:
        own: dict[tuple[int | str, Path], Entry] = {}
        for each in listing.images:
            number, name = _number(each, "id", listing.path), _text(each, "file_name", listing.path)
            image = _place(name, listing.path, root)
            size = numbers([each.get("width"), each.get("height")], count=2)
            stated = (int(size[0]), int(size[1])) if size is not None and all(size) else None
            own[number, image] = Entry(listing=listing, number=number, image=image, size=stated)
        known = {number for number, _ in own}
        faults += [_of_no_picture(number, listing) for number in listing.annotations if number not in known]
        entries += own.values()
    return entries, faults


def _place(name: str, path: Path, root: Path) -> Path:
    """Where the picture lies that a file lists: the first place where there is one; beside the file if nowhere."""
    side = path.stem.split("_")[-1]
    folders = (path.parent, path.parent / "images", root, root / "images", root / side, root / "images" / side)
    places = [Path(normpath(resolved(name, beside=folder / path.name))) for folder in folders]
    return next((place for place in places if is_there(place)), places[0])


def _of_no_picture(number: int | str, listing: Listing) -> Fault:
    return Fault(
        code="missing-image",
        severity="error",
        case=f"image {number}",
        file=listing.path,
        expected="annotations of listed images",
        found=f"{len(listing.annotations[number])} of image_id {number}, which is not listed",
        action="Add the image to the list, or remove its annotations.",
    )


def _twice(names: Sequence[str], entries: Sequence[Entry]) -> list[Fault]:
    """A fault for each picture that is listed twice, and for each number that two pictures have."""
    faults = []
    numbered = Counter((entry.listing.path, entry.number) for entry in entries)
    first: dict[Path, Entry] = {}
    for name, entry in zip(names, entries, strict=True):
        other = first.setdefault(entry.image, entry)
        if other is not entry:
            faults.append(several_labels(name, [other.listing.path, entry.listing.path]))
        if numbered[entry.listing.path, entry.number] > 1:
            faults.append(_shared_number(name, entry))
    return faults


def _shared_number(name: str, entry: Entry) -> Fault:
    return Fault(
        code="double-id",
        severity="error",
        case=name,
        file=entry.listing.path,
        expected="a number of its own for each image",
        found=f"id {entry.number} for several",
        action="Number the images anew: their annotations cannot be told apart.",
    )


def _drawn(name: str, entry: Entry) -> tuple[Drawn, list[Fault]]:
    """A picture with its boxes; those of unknown categories are left out, and any that is malformed leaves none."""
    listing = entry.listing
    annotations = listing.annotations.get(entry.number, [])
    boxes, bad, strange = _boxes(annotations, listing.categories)
    faults = []
    if bad:
        expected = '"bbox": [x, y, width, height] and "category_id"'
        faults.append(unreadable_label(name, listing.path, expected=expected, found=repr(bad[0])[:80]))
    if strange:
        faults.append(undeclared_class(name, listing.path, expected=listing.categories, found=strange))
    drawn = Drawn(
        name=name,
        image=entry.image,
        file=listing.path,
        boxes=None if bad else tuple(boxes),
        size=entry.size,
        split=listing.split,
    )
    return drawn, faults


def _boxes(
    annotations: Iterable[dict[str, Any]], categories: Mapping[int | str, str]
) -> tuple[list[Box], list[JSON], list[JSON]]:
    """Boxes, annotations that are malformed, and category numbers that the file does not name."""
    boxes: list[Box] = []
    bad: list[JSON] = []
    strange: list[JSON] = []
    for each in annotations:
        found, number = numbers(each.get("bbox"), count=4), each.get("category_id")
        if found is None or isinstance(number, bool) or not isinstance(number, int | str):
            bad.append({key: each.get(key) for key in ("id", "bbox", "category_id")})
        elif number not in categories:
            strange.append(number)
        else:
            x, y, width, height = found
            crowd = each.get("iscrowd") in (1, True)
            boxes.append(Box(name=categories[number], start=(x, y), end=(x + width, y + height), ignored=crowd))
    return boxes, bad, strange
