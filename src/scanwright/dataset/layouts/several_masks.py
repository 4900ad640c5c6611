"""Several masks of one image, each in a file of its own, as one label map.

    one finding each      masks/p01/1.png, 2.png …; masks/p01/3f2a….png            joined, with the values that they hold
    one structure each    p01/segmentations/liver.nii.gz, spleen.nii.gz …          a region for each name

A name that stands in the folders of half of the cases or more is a structure's. Where structures share a voxel (looked for
among up to 7 of them), each gets a bit of the label's value; "structures" in scanwright.json chooses and joins names.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scanwright.dataset.cases import Case, Fault
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts.listing import images_in
from scanwright.dataset.layouts.names import label_case
from scanwright.dataset.layouts.pairing import Found
from scanwright.dataset.layouts.structures import (
    MAX_OVERLAPPING,
    named_regions,
    regions_of,
    values_apart,
    values_of_bits,
)
from scanwright.dataset.task import Region
from scanwright.errors import ScanwrightError
from scanwright.io.formats import read_label, stem
from scanwright.io.source import LabelFiles
from scanwright.types import Bools

USUAL = 0.5  # of the cases with masks in a folder: a name that so many have is a structure's


def masks_below(folder: Path, parts: Found) -> None:
    """Take the masks in a folder as a case's: a file called as a label is one, any other is drawn under its name."""
    for path in images_in(folder):
        if label_case(stem(path)) is not None:
            parts.labels.append(path)
        else:
            parts.drawn[stem(path)] = path


def join_masks(found: Sequence[Found], declared: Declaration, *, where: Path) -> list[Region]:
    """Decide what the masks in folders are, and set each case's label; the regions if they are structures, else none.

    Raises InputError if no structure is wanted, or too many are.
    """
    drawn = [parts for parts in found if parts.drawn]
    counts = Counter(name for parts in drawn for name in parts.drawn)
    names = sorted(name for name, times in counts.items() if len(drawn) > 1 and times >= USUAL * len(drawn))
    if declared.structures is not None:
        names = sorted(counts)
    if not names or all(len(parts.label_files) == 1 for parts in drawn):
        for parts in drawn:
            parts.label = LabelFiles(tuple(parts.label_files)) if len(parts.label_files) > 1 else parts.label_files[0]
        return []
    wanted = regions_of(names, declared, where)
    values = values_apart(wanted)
    bits = 1 < len(set(values.values())) <= MAX_OVERLAPPING and any(_overlap(parts.drawn, wanted) for parts in drawn)
    if bits:
        values = values_of_bits(wanted, where)
    for parts in drawn:
        files = {path: values[name] for name, path in sorted(parts.drawn.items()) if name in wanted}
        parts.label = LabelFiles(tuple(files), tuple(files.values()), bits=bits) if files else None
    return named_regions(wanted, values, bits=bits)


def joined_notes(cases: Sequence[Case]) -> Iterator[Fault]:
    """A note on cases whose label comes from several files, and a warning for cases that lack a structure's file."""
    joined = {case.id: case.label for case in cases if isinstance(case.label, LabelFiles)}
    plain = [name for name, label in joined.items() if label.values is None]
    if plain:
        yield Fault(
            code="joined-labels",
            severity="note",
            cases=tuple(plain),
            found=f"several masks in {len(plain)} cases, which are read as one",
        )
    most = max((len(label.files) for label in joined.values() if label.values is not None), default=0)
    fewer = {name: label for name, label in joined.items() if label.values is not None and len(label.files) < most}
    if fewer:
        first = next(iter(fewer))
        yield Fault(
            code="missing-structure",
            severity="warning",
            case=first if len(fewer) == 1 else None,
            cases=tuple(fewer),
            expected=f"a file for each of {most} structures",
            found=f"{len(fewer[first].files)} in {first}"
            + (f", and {len(fewer) - 1} more such cases" * (len(fewer) > 1)),
            action="What is not drawn is learned as background: add the files, or leave such cases out.",
        )


def _overlap(drawn: Mapping[str, Path], wanted: Mapping[str, str]) -> bool:
    """Whether two regions of a case share a voxel; what cannot be read is left to the checks."""
    seen: dict[str, Bools] = {}
    for name, path in drawn.items():
        if name not in wanted:
            continue
        try:
            mask = read_label(path).voxels != 0
        except ScanwrightError:
            return False
        others = [other for region, other in seen.items() if region != wanted[name] and other.shape == mask.shape]
        if any((other & mask).any() for other in others):
            return True
        before = seen.get(wanted[name])
        seen[wanted[name]] = mask if before is None or before.shape != mask.shape else before | mask
    return False
