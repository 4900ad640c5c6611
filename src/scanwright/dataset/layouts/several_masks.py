"""Several masks of one image, each in a file of its own, as one label map.

    one finding each      masks/p01/1.png, 2.png …; masks/p01/3f2a….png            joined, with the values that they hold
    one structure each    p01/segmentations/liver.nii.gz, spleen.nii.gz …          a region for each name

A file's name is read without the case's name ("p01_liver", "liver_p01") and without a number at its end ("lesion_2"); upper
and lower case are alike, and words such as "mask" say nothing. If a name that is left stands in the folders of half of the
cases or more (of a single case: if none has a digit), names are structures, every one of them; else they are findings.

Where structures share a voxel (looked for among up to 7 of them), each gets a bit of the label's value; "structures" in
scanwright.json chooses and joins names.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from scanwright.dataset.cases import Case, Fault
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts.names import IMAGE_WORDS, LABEL_WORDS, SEPARATOR, without_number
from scanwright.dataset.layouts.pairing import Found
from scanwright.dataset.layouts.structures import (
    MAX_OVERLAPPING,
    named_regions,
    regions_of,
    unmatched_patterns,
    values_apart,
    values_of_bits,
)
from scanwright.dataset.task import Region
from scanwright.errors import ScanwrightError
from scanwright.io.formats import read_label, stem
from scanwright.io.shared import share_a_voxel
from scanwright.io.source import LabelFiles

USUAL = 0.5  # of the cases with masks in a folder: if so many have a name, names are structures
SAYING_NOTHING = {"", *LABEL_WORDS, *IMAGE_WORDS} - {"lesion", "roi", "contour", "contours"}
"""Words in a mask's name that name no structure."""
UNNAMED = "unnamed"
"""What a structure is called whose file says nothing."""

Drawn = Mapping[str, Sequence[Path]]


def join_masks(found: Sequence[Found], declared: Declaration, *, where: Path) -> tuple[list[Region], list[Fault]]:
    """Decide what the masks in folders are, and set each case's label; the regions if they are structures, else none, and
    what may be wrong with their names.

    Raises InputError if no structure is wanted, or too many are.
    """
    drawn = [(parts, _by_name(parts.drawn)) for parts in found if parts.drawn]
    counts = Counter(name for _, by_name in drawn for name in by_name if name not in SAYING_NOTHING)
    spelled = spellings(name_of(path) for parts, _ in drawn for path in parts.drawn)
    if not _are_structures(counts, len(drawn)) and declared.structures is None:
        for parts, _ in drawn:
            parts.label = LabelFiles(tuple(parts.drawn)) if len(parts.drawn) > 1 else parts.drawn[0]
        return [], []
    called = [
        (parts, {spelled.get(name, UNNAMED): files for name, files in by_name.items()}) for parts, by_name in drawn
    ]
    names = sorted({name for _, by_name in called for name in by_name})
    if not names:
        return [], []
    wanted = regions_of(names, declared, where)
    values = values_apart(wanted)
    bits = 1 < len(set(values.values())) <= MAX_OVERLAPPING and any(_overlap(by_name, wanted) for _, by_name in called)
    if bits:
        values = values_of_bits(wanted, where)
    for parts, by_name in called:
        files = [(path, values[name]) for name, paths in sorted(by_name.items()) if name in wanted for path in paths]
        if files:
            parts.label = LabelFiles(tuple(path for path, _ in files), tuple(value for _, value in files), bits=bits)
    faults = unmatched_patterns((name for _, by_name in called for name in by_name), declared)
    return named_regions(wanted, values, bits=bits), list(faults)


def joined_notes(cases: Sequence[Case], regions: Sequence[Region]) -> Iterator[Fault]:
    """A note on cases of which several files are read as one region, and a warning for cases that lack a structure's file."""
    joined = {case.id: case.label for case in cases if isinstance(case.label, LabelFiles)}
    merged = {name: label for name, label in joined.items() if label.values is None or _repeated(label.values)}
    if merged:
        first = next(iter(merged.values()))
        value = first.values and _repeated(first.values)
        shown = [path.name for k, path in enumerate(first.files) if first.values is None or first.values[k] == value]
        yield Fault(
            code="joined-labels",
            severity="note",
            cases=tuple(merged),
            found=f"several masks in {len(merged)} cases that are read as one region, such as {' and '.join(shown[:2])}",
        )
    held = {
        name: {value for value in label.values if value is not None}
        for name, label in joined.items()
        if label.values is not None
    }
    every = set().union(*held.values())
    called = {value: region.name for value in every for region in regions if min(region.values) == value}
    for value in sorted(every):
        lacking = [name for name, values in held.items() if value not in values]
        if lacking:
            yield Fault(
                code="missing-structure",
                severity="warning",
                case=lacking[0] if len(lacking) == 1 else None,
                cases=tuple(lacking),
                expected=f"a file of {called.get(value, value)} in each case",
                found=f"none in {len(lacking)} of {len(held)}",
                action="What is not drawn is learned as background: add the files, or leave such cases out.",
            )


def _repeated(values: Sequence[int | None]) -> int:
    """The first value that several files have; 0 if each has its own."""
    return next((value for value, times in Counter(values).items() if value is not None and times > 1), 0)


def _by_name(files: Iterable[Path]) -> dict[str, list[Path]]:
    """The files of one case by the name in them, in lower case."""
    by_name: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        by_name[name_of(path).lower()].append(path)
    return by_name


def name_of(path: Path) -> str:
    """A mask's name without that of its case and without its number."""
    name = stem(path)
    for case in (path.parent.name, path.parent.parent.name):
        called = re.escape(case)
        name = re.sub(rf"^{called}(?:{SEPARATOR}|$)|{SEPARATOR}{called}$", "", name, flags=re.IGNORECASE)
    return without_number(name)


def spellings(names: Iterable[str]) -> dict[str, str]:
    """Each name, in lower case, as most files spell it; names that say nothing have none."""
    spelled: dict[str, Counter[str]] = defaultdict(Counter)
    for name in names:
        spelled[name.lower()][name] += 1
    return {
        name: min(found, key=lambda text: (-found[text], text))
        for name, found in spelled.items()
        if name not in SAYING_NOTHING
    }


def _are_structures(counts: Counter[str], cases: int) -> bool:
    if cases == 1:
        return len(counts) > 1 and not any(letter.isdigit() for name in counts for letter in name)
    return any(times >= max(2, USUAL * cases) for times in counts.values())


def _overlap(by_name: Drawn, wanted: Mapping[str, str]) -> bool:
    """Whether two regions of a case share a voxel; what cannot be read, or lies elsewhere, is left to the checks."""
    drawn = [(wanted[name], path) for name, paths in by_name.items() if name in wanted for path in paths]
    try:
        return share_a_voxel((region, read_label(path).voxels != 0) for region, path in drawn)
    except ScanwrightError:
        return False
