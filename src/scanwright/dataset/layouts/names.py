"""What file names say: which part is the case, and whether the rest is a label or a channel.

"p01_mask" -> ("p01", label)      "p01_t1ce" -> ("p01", channel "t1ce")     "mask" in folder p01 -> ("", label)
"BraTS_001_flair" -> ("BraTS_001", channel "flair")     "p01_0001" -> ("p01", channel "0001")
"""

import re
from collections.abc import Sequence

LABEL_WORDS = (
    *("mask", "masks", "seg", "segs", "segmentation", "segmentations", "label", "labels", "lbl", "annotation"),
    *("annotations", "annot", "gt", "groundtruth", "ground_truth", "truth", "contour", "contours", "roi", "lesion"),
)
IMAGE_WORDS = ("image", "images", "img", "imgs", "im", "scan", "volume", "vol", "orig", "original", "raw", "input")
CHANNEL_WORDS = (
    *("t1", "t1w", "t1c", "t1ce", "t1gd", "t1n", "t1post", "t2", "t2w", "t2f", "t2star", "flair", "adc", "dwi", "swi"),
    *("pd", "pdw", "dce", "pre", "post", "art", "ven", "ct", "cta", "pet", "suv", "mr", "mri", "us"),
)

SEPARATOR = r"[-_. ]"
_BEFORE = rf"^(?:(?P<case>.*?){SEPARATOR})??"  # lazily: "ground_truth" is one word
_LABEL_WORD, _IMAGE_WORD = "|".join(LABEL_WORDS), "|".join(IMAGE_WORDS)
_LABEL = re.compile(rf"{_BEFORE}(?:{_LABEL_WORD})(?:{SEPARATOR}?\d{{1,2}})?$", re.IGNORECASE)
_LABEL_FIRST = re.compile(rf"^(?:{_LABEL_WORD}){SEPARATOR}(?P<case>.+)$", re.IGNORECASE)
_IMAGE = re.compile(rf"{_BEFORE}(?:{_IMAGE_WORD})$", re.IGNORECASE)
_IMAGE_FIRST = re.compile(rf"^(?:{_IMAGE_WORD}){SEPARATOR}(?P<case>.+)$", re.IGNORECASE)
_NUMBER = re.compile(rf"{SEPARATOR}?\(?\d{{1,3}}\)?$")
_APART = re.compile(rf"{SEPARATOR}\(?\d{{1,3}}\)?$")
_CHANNEL = re.compile(rf"{_BEFORE}(?P<channel>{'|'.join(CHANNEL_WORDS)}|\d{{4}})$", re.IGNORECASE)


def label_case(name: str) -> str | None:
    """The case that a label's name speaks of, without its label word; None if there is no such word.

    >>> label_case("benign (1)_mask_1"), label_case("seg-p03"), label_case("mask"), label_case("p03")
    ('benign (1)', 'p03', '', None)
    """
    match = _LABEL.match(name) or _LABEL_FIRST.match(name)
    return None if match is None else match["case"] or ""


def image_case(name: str) -> str:
    """A name without a word such as "image" or "scan" at its end or start; as it is where there is none."""
    match = _IMAGE.match(name) or _IMAGE_FIRST.match(name)
    return name if match is None else match["case"] or ""


def channel_case(name: str) -> tuple[str, str]:
    """A name as (case, channel); channel "" if it ends in no channel's word.

    >>> channel_case("BraTS_001_t1ce"), channel_case("p01_0001"), channel_case("FLAIR"), channel_case("p01_image")
    (('BraTS_001', 't1ce'), ('p01', '0001'), ('', 'FLAIR'), ('p01', ''))
    """
    match = _CHANNEL.match(name)
    return (image_case(name), "") if match is None else (match["case"] or "", match["channel"])


def without_number(name: str) -> str:
    """A name without a number at its end, in parentheses or not.

    >>> without_number("lesion_2"), without_number("mask (3)"), without_number("07"), without_number("L4")
    ('lesion', 'mask', '', 'L4')
    """
    return "" if name.isdigit() else _APART.sub("", name)


def are_numbered(names: Sequence[str]) -> bool:
    """Whether names differ in a number at their end alone.

    >>> are_numbered(["a_mask", "a_mask_1", "a_mask (2)"]), are_numbered(["a_mask", "a_seg"]), are_numbered(["a", "a"])
    (True, False, False)
    """
    return len(set(names)) == len(names) and len({_NUMBER.sub("", name).lower() for name in names}) == 1
