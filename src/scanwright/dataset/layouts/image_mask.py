"""Folders of images and masks as people make them, in three forms.

    two folders     images/p01.png + masks/p01.png (or p01_mask.png); also under train/, val/ and test/
    side by side    p01.nii.gz + p01_mask.nii.gz in one folder; p01_t1.nii.gz, p01_t2.nii.gz, p01_seg.nii.gz
    case folders    p01/image.nii.gz + p01/mask.nii.gz; BraTS_001/BraTS_001_flair.nii.gz + …_seg.nii.gz

An image may have several masks. Numbered ones (p01_mask.png, p01_mask_1.png …) are joined. So are those of a folder
(several_masks.py): masks/p01/… in the first form, p01/segmentations/… or p01/masks/… in the last.

Channels and labels are inferred where scanwright.json does not declare them. test/ is a declared test split; val/ is
not, since validation cases come from the folds. Files elsewhere (boxes.json, findings/) are left alone; masks of findings are
read where "finding_folder" names their folder (finding_folder.py).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from os.path import relpath
from pathlib import Path

from scanwright.dataset.cases import Case, Dataset, Fault, Side
from scanwright.dataset.declare import FILE_NAME, Declaration, make_task, read_declaration
from scanwright.dataset.infer import SOURCE, infer_channels, infer_regions
from scanwright.dataset.layouts.listing import folders_in, folders_named, images_in
from scanwright.dataset.layouts.mask_kinds import mixed_palettes
from scanwright.dataset.layouts.names import channel_case, image_case, label_case
from scanwright.dataset.layouts.pairing import Found, common_channels, in_declared_order, make_cases
from scanwright.dataset.layouts.several_masks import join_masks, joined_notes
from scanwright.errors import InputError
from scanwright.io.formats import stem

NAME = "image-mask"
LOOKED_FOR = "images/ with masks/ (or labels/ …), or CASE beside CASE_mask, or a folder for each case"

IMAGE_FOLDERS = (
    *("images", "image", "imgs", "img", "imagestr", "images_tr", "scans", "scan", "volumes", "volume", "raw", "inputs"),
    *("input", "pictures", "frames", "ct", "mri", "x"),
)
LABEL_FOLDERS = (
    *("labels", "label", "masks", "mask", "labelstr", "labels_tr", "segmentations", "segmentation", "segs", "seg"),
    *("annotations", "annotation", "gt", "groundtruth", "ground_truth", "truth", "targets", "target", "contours", "y"),
)
SIDES: dict[str, Side] = {
    **dict.fromkeys(("train", "training", "val", "valid", "validation"), "train"),
    **dict.fromkeys(("test", "testing", "holdout"), "test"),
}

Bag = dict[str, Found]


def detect(root: Path) -> str | None:
    """Why the folder holds images and masks, or None. Raises InputError if two folders could be the images (or masks)."""
    declared = read_declaration(root)
    pairs = _folder_pairs(root, declared)
    if pairs:
        shown = ", ".join(f"{relpath(images, root)} + {relpath(labels, root)}" for images, labels, _ in pairs)
        return f"folders {shown}"
    if _has_pairs(_side_by_side(images_in(root))):
        return "images and masks side by side"
    if _has_pairs(_case_folders(root, declared)):
        return "a folder for each case"
    return None


def read(root: Path, declared: Declaration) -> Dataset:
    """Read the folder. Raises InputError if no form fits; files without a partner become faults."""
    bags, form = _bags(root, declared)
    structures, misnamed = join_masks([parts for bag, _ in bags for parts in bag.values()], declared, where=root)
    keys = in_declared_order(common_channels(parts for bag, _ in bags for parts in bag.values()), declared.channels)
    cases: list[Case] = []
    faults: list[Fault] = []
    for bag, side in bags:
        more, found_faults = make_cases(bag, channels=keys, split=side)
        cases += more
        faults += found_faults
    faults += [*misnamed, *joined_notes(cases, structures), *mixed_palettes(cases)]
    labels = [case.label for case in cases if case.label is not None]
    if not labels:
        raise InputError("no image has a label", where=root, details=[fault.line() for fault in faults[:5]])
    names = [] if keys == [""] else [f"channel {int(key)}" if key.isdigit() else key for key in keys]
    channels = declared.channels or infer_channels([case.images[0] for case in cases], names=names, folder=root.name)
    task = make_task(
        declared,
        name=root.name,
        channels=channels,
        regions=structures or (infer_regions(labels) if declared.regions is None else ()),
        source="names of label files" if structures else SOURCE,
        where=root,
    )
    return Dataset(root=root, layout=NAME, stated=form, task=task, cases=tuple(cases), faults=tuple(faults))


def _bags(root: Path, declared: Declaration) -> tuple[list[tuple[Bag, Side]], str]:
    """Files grouped by case, for each side of the data set; and which form it was, in words."""
    pairs = _folder_pairs(root, declared)
    if pairs:
        words = f"images in {relpath(pairs[0][0], root)}/, masks in {relpath(pairs[0][1], root)}/"
        found = [_two_folders(images, labels) for images, labels, _ in pairs]
        if len(set().union(*found)) < sum(map(len, found)):
            found = [_prefixed(bag, pair[0].parent.name) for bag, pair in zip(found, pairs, strict=True)]
        return [(bag, pair[2]) for bag, pair in zip(found, pairs, strict=True)], words
    beside = _side_by_side(images_in(root))
    if _has_pairs(beside):
        return [(beside, "train")], "images and masks side by side"
    return [(_case_folders(root, declared), "train")], "a folder for each case"


def _folder_pairs(root: Path, declared: Declaration) -> list[tuple[Path, Path, Side]]:
    """(images, labels, side) for the root itself, or for each of its folders train, val and test."""
    if declared.image_folder or declared.label_folder:
        return [_declared_pair(root, declared)]
    own = _folder_pair(root, besides=declared.finding_folder)
    if own:
        return [(*own, "train")]
    sides = [(folder, SIDES[folder.name.lower()]) for folder in folders_in(root) if folder.name.lower() in SIDES]
    return [(*pair, side) for folder, side in sides if (pair := _folder_pair(folder))]


def _declared_pair(root: Path, declared: Declaration) -> tuple[Path, Path, Side]:
    if not declared.image_folder or not declared.label_folder:
        message = "only one of image_folder and label_folder is given"
        raise InputError(message, where=root / FILE_NAME, hint="Give both.")
    images, labels = root / declared.image_folder, root / declared.label_folder
    for folder in (images, labels):
        if not images_in(folder):
            raise InputError("the declared folder has no image files", where=folder, hint=f"Correct {FILE_NAME}.")
    return images, labels, "train"


def _folder_pair(folder: Path, *, besides: str | None = None) -> tuple[Path, Path] | None:
    """The two folders, or None. besides: one that holds neither. Raises InputError if several could be either."""
    images = folders_named(folder, IMAGE_FOLDERS)
    labels = folders_named(folder, LABEL_FOLDERS) or folders_named(folder, LABEL_FOLDERS, below=True)
    if besides is not None:
        images, labels = ([path for path in found if path != folder / besides] for found in (images, labels))
    if not images or not labels:
        return None
    for found, what in ((images, "image"), (labels, "label")):
        if len(found) > 1:
            raise InputError(
                f"several folders could hold the {what}s",
                where=folder,
                expected="one",
                found=", ".join(path.name for path in found),
                hint=f'Name it in {FILE_NAME}: {{"image_folder": "…", "label_folder": "…"}}.',
            )
    return images[0], labels[0]


def _two_folders(images: Path, labels: Path) -> Bag:
    """Pair two folders by the reading of their names that gives the most pairs; plain names where several do."""
    image_files, label_files = images_in(images), images_in(labels)
    bags = [_grouped(image_files, label_files, image_key, label_key) for image_key, label_key in READINGS]
    for folder in (folder for folder in folders_in(labels) if images_in(folder)):
        bags[0][folder.name].drawn += images_in(folder)  # masks in a folder that is called as their image
    return max(bags, key=lambda bag: sum(bool(parts.images and parts.label_files) for parts in bag.values()))


def _plain(name: str) -> tuple[str, str]:
    return name, ""


def _without_image_word(name: str) -> tuple[str, str]:
    return image_case(name), ""


def _without_label_word(name: str) -> str:
    return label_case(name) or name


def _as_it_is(name: str) -> str:
    return name


ImageKey = Callable[[str], tuple[str, str]]
LabelKey = Callable[[str], str]
READINGS: tuple[tuple[ImageKey, LabelKey], ...] = (
    (_plain, _as_it_is),
    (_plain, _without_label_word),
    (_without_image_word, _without_label_word),
    (channel_case, _as_it_is),
    (channel_case, _without_label_word),
)


def _grouped(images: Sequence[Path], labels: Sequence[Path], image_key: ImageKey, label_key: LabelKey) -> Bag:
    bag: Bag = defaultdict(Found)
    for path in images:
        case, channel = image_key(stem(path))
        bag[case or stem(path)].add_image(channel, path)
    for path in labels:
        bag[label_key(stem(path))].labels.append(path)
    return bag


def _side_by_side(files: list[Path]) -> Bag:
    """Files of one folder by case: a label word in the name makes a label, a channel word a channel."""
    bag: Bag = defaultdict(Found)
    for path in files:
        name = stem(path)
        labelled = label_case(name)
        if labelled is not None:
            bag[labelled].labels.append(path)
        else:
            case, channel = channel_case(name)
            bag[case].add_image(channel, path)
    return _rejoined(bag)


def _rejoined(bag: Bag) -> Bag:
    """A case whose own name ends like a channel ("scan_0001" with "scan_0001_mask") is put together again."""
    for name in [name for name, parts in bag.items() if parts.labels and not parts.images]:
        case, channel = channel_case(name)
        if channel and case in bag and channel in bag[case].images:
            bag[name] = replace(bag[name], images={"": bag[case].images.pop(channel)})
            if not bag[case].images and not bag[case].labels:
                del bag[case]
    return bag


def _case_folders(root: Path, declared: Declaration) -> Bag:
    """A case for each folder that holds images and a label; the case has the folder's name.

    Image and masks may lie in a folder of their own below it.
    """
    bag: Bag = {}
    for folder in folders_in(root):
        if declared.finding_folder and folder == root / declared.finding_folder:
            continue
        masks = folders_named(folder, LABEL_FOLDERS)
        files = images_in(folder)
        apart = [] if files else [path for images in folders_named(folder, IMAGE_FOLDERS) for path in images_in(images)]
        parts = list(_side_by_side(files or apart).values())
        if not parts or len(files) > 40 or (apart and len(parts) > 1):
            continue
        if sum(bool(part.images and part.labels) for part in parts) > 1:
            continue  # of several images, each with its mask, none is the folder's
        whole = bag[folder.name] = Found(labels=[path for part in parts for path in part.labels])
        for part in parts:
            for key, path in (*part.images.items(), *(("", path) for path in part.surplus)):
                whole.add_image(key, path)
        if len(masks) == 1 and not whole.labels:
            whole.drawn += images_in(masks[0])
    return bag


def _has_pairs(bag: Bag) -> bool:
    """Whether at least half of the cases have an image and a label: two files that happen to match are no layout."""
    complete = sum(bool(parts.images and parts.label_files) for parts in bag.values())
    return complete > 0 and 2 * complete >= len(bag)


def _prefixed(bag: Bag, folder: str) -> Bag:
    """Cases with their folder's name before theirs, where train/, val/ and test/ use the same names."""
    return {f"{folder}_{name}": parts for name, parts in bag.items()}
