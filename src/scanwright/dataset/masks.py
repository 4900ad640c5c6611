"""What the masks of a data set show together: values that do not go together, and pictures that were turned under them.

mixed-values         error, or warning   see checks.py
one-bit-masks        note    masks of 1 bit, whose value is 1, beside others whose value is 255 or 65535: both mean the same
interpolated-label   error   grey levels at borders
exif-turned          note    pictures that were turned as their EXIF tag says, with masks whose files have no such tag
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from scanwright.dataset.cases import Case, Fault
from scanwright.dataset.declare import FILE_NAME as DECLARATION
from scanwright.dataset.examine import Examined
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.infer import FULL_SCALES
from scanwright.dataset.task import Task
from scanwright.io.source import place_of

SMALL_VALUE = 15  # numbers of classes


def mixed_values(cases: Sequence[Case], task: Task, facts: Mapping[str, CaseFacts]) -> Iterator[Fault]:
    """Labels of which some say with 255 what others say with 1; a warning if each has one value and they differ.

    A note where these are masks of 1 bit beside masks of 8 or 16, which `infer_regions` has taken as one region.
    """
    held: dict[str, list[int]] = {}
    for case in cases:
        counts = (facts[case.id].label_counts or {}) if case.id in facts else {}
        if values := sorted(value for value in counts if value not in (0, task.ignore)):
            held[case.id] = values
    small = [name for name, values in held.items() if values[-1] <= SMALL_VALUE]
    white = [name for name, values in held.items() if values[-1] in FULL_SCALES and values[0] > SMALL_VALUE]
    both = any(values[0] <= SMALL_VALUE and values[-1] in FULL_SCALES for values in held.values())
    files = {case.id: place_of(case.label) for case in cases if case.label is not None}
    used = Counter(value for values in held.values() for value in values)
    counted = ", ".join(f"{value} in {used[value]} file{'s' * (used[value] > 1)}" for value in sorted(used)[:8])
    if 1 in used and max(used) in FULL_SCALES and any(set(used) <= set(region.values) for region in task.regions):
        yield Fault(
            code="one-bit-masks",
            severity="note",
            found=f"{counted}: 1 in masks of 1 bit alone, {max(used)} in the others",
            action=f"Both are taken as the same region; if they are not, declare the regions in {DECLARATION}.",
        )
    elif small and white and not both:
        pair = [min(held[name][0] for name in group) for group in (small, white)]
        yield Fault(
            code="mixed-values",
            severity="error",
            file=files[min(small, white, key=len)[0]],
            expected="one value for each region in all label files",
            found=f"{counted}, never 255 or 65535 together with a small one",
            action=f"Save all masks with the same values, or declare in {DECLARATION} which mean the same, such as "
            f'{{"regions": {{"NAME": {pair}}}}}.',
        )
    elif len(used) > 1 and all(len(values) == 1 for values in held.values()):
        yield Fault(
            code="mixed-values",
            severity="warning",
            found=f"{counted}, never two in one file",
            action=f"Fine if they are classes, one to a file; if they mean the same, declare in {DECLARATION} "
            f'{{"regions": {{"NAME": {sorted(used)[:8]}}}}}.',
        )


def interpolated_labels(results: Sequence[Examined]) -> Iterator[Fault]:
    """An error if labels hold the grey levels of an interpolation: each of them would become a region."""
    grey = [(result, result.border) for result in results if result.border is not None and result.border.is_grey]
    if not grey:
        return
    (first, border), labelled = grey[0], sum(result.case.label is not None for result in results)
    yield Fault(
        code="interpolated-label",
        severity="error",
        file=None if first.case.label is None else place_of(first.case.label),
        expected="classes, without grey levels between them",
        found=f"{border.values} values up to {border.highest}, most of them at borders between lower and higher ones; so in "
        f"{len(grey)} of {labelled} label files",
        action=f"Save the masks anew without interpolation (nearest neighbour) or loss, or threshold those of a single "
        f"structure, such as at {(border.highest + 1) // 2}. If all values are classes, name them in {DECLARATION}.",
    )


def turned_pictures(results: Sequence[Examined]) -> Iterator[Fault]:
    """One note for all pictures that were turned under masks that were not; those whose mask does not fit have an error."""
    turned = sorted(result.case.id for result in results if result.stored is not None and result.facts is not None)
    labelled = sum(result.case.label is not None for result in results)
    if turned:
        yield Fault(
            code="exif-turned",
            severity="note",
            case=turned[0] if len(turned) == 1 else None,
            cases=tuple(turned),
            found=f"{len(turned)} of {labelled} pictures with masks were turned upright, as their EXIF tag says; masks have "
            "no such tag",
            action="Masks are taken to lie on the upright picture. If they were drawn on the stored pixels, save the pictures "
            "without the tag.",
            numbers={"pictures": float(len(turned)), "of": float(labelled)},
        )
