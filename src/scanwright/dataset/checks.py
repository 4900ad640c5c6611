"""The gate: every file of a data set is read once, and all that is wrong is said at once.

    missing-label missing-image missing-channel missing-files      error     files without a partner (found by the layout); a
                                                                             cell of a table that is empty: warning
    ambiguous-files several-labels unclear-patient                 error     (a patient that is merely unknown: warning)
    unclear-split                                                  error     a word that does not say if a case is set apart
    unreadable-image unreadable-label                              error     cut, not what the suffix says, too large
    unusable-image unusable-label                                  error     4-D, other channels, a label that is not whole
    bad-geometry                                                   error     affine singular, not finite, contradictory
    shape-mismatch affine-mismatch                                 error     label and image are not on one grid
    not-finite                                                     error     NaN or infinity
    constant-image                                                 error     (one channel of several: warning)
    undeclared-label                                               error     a value that the task does not know
    mixed-values                                                             where no regions are declared:
        error if some labels hold 255 (or 65535) and others small numbers such as 1, but none both; a warning if every
        label holds one value, and not all the same
    interpolated-label                                             error     grey levels at borders, where no regions are
                                                                             declared
    duplicate-image                                                          the same voxels in two cases:
        error if their labels or targets differ, or if one of them is in the declared test split, and both are said; else a
        warning, and splits keep the two on one side as if they were one patient's
    nothing-to-learn                                               error     no region, or no box, in any labelled case; one
                                                                             class or number in all, or a class for nearly each
                                                                             (varied.py)
    rare-region                                                    warning   a region in no patient, or in one only
    mixed-classes                                                            classes of which some are numbers and some words:
        error, but a warning where the words have digits too (4a beside 3)
    unknown-separator                                                        classes that hold a sign which may part several:
        error if they are made of other classes, share a part, or other cells are parted by another sign; else a warning, of
        cells such as a/b, a + b, a and b too, unless "choice" is given
    alike-classes                                                  error     in-situ beside in situ, Y beside yes
    misspelt-class                                                 warning   malignent beside malignant, and rare
    unknown-class                                                  warning   ?, - or unknown among classes
    exclusive-labels                                               warning   columns of 0 and 1, just one 1 in every case
    unordered-grades                                               warning   a column called as grades are, without an order;
                                                                             BI-RADS 0, which is no lowest grade
    uncertain-label                                                warning   -1 among labels of 0 and 1: taken as not known
    mixed-pictures                                                 warning   some in colour and some grey, or of other bits
    far-number                                                     warning   a number far from all others: -999, 9999
    rare-class                                                     warning   a class, or boxes of one, in no patient or in one
    unclear-target                                                 error     a table's cell that is no class or number
    empty-box double-box turned-picture                            warning   boxes: layouts/boxes.py says what each one means
    box-outside undeclared-class size-mismatch double-id           error     the same
    box-in-fractions                                               error     the same
    reversed-box unnamed-box                                       error     layouts/box_table.py says what each one means
    empty-label same-channel                                       warning   no region; one image as two channels
    not-annotated                                                  warning   outlined, but not named in "annotated"
    unusable-table                                                 warning   a table beside the scans that cannot be read; error
                                                                             if it names patients or sides
    unused-channel                                                 warning   an image that is none of the task's channels
    other-frame other-series                                       warning   DICOM: a channel that is registered first; a label
                                                                             that was drawn on another series
    refused-series                                                 error     DICOM: of a series that something is drawn on;
                                                                             else a warning
    other-grid reader-note unlisted-files left-out                 note
    normal-by-default                                              note      images in no row of a table of what was found
    unused-class polygon-as-box one-bit-masks exif-turned          note      (the last two: masks.py)

An error stops a run unless its case is excluded by name; warnings and notes are for the report.
"""

import shlex
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field

from scanwright.dataset.cases import SEVERITIES, Boxes, Case, Classes, Dataset, Fault, Severity
from scanwright.dataset.classes import rare_classes
from scanwright.dataset.examine import Examined, See, examine
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.forms import mixed_pictures
from scanwright.dataset.infer import SOURCE
from scanwright.dataset.masks import interpolated_labels, mixed_values, turned_pictures
from scanwright.dataset.rare import rare
from scanwright.dataset.task import Frozen, Task
from scanwright.dataset.varied import nothing_to_learn
from scanwright.errors import DatasetFaults
from scanwright.io.source import files_of, place_of
from scanwright.workers import in_processes

SHOWN_FAULTS, SHOWN_EXCLUDES = 20, 50
ALIKE = 4  # faults that say the same are told as one from so many on
PARALLEL_BYTES = 32 << 20  # less than this is read before worker processes have started (some 1.5 s)

Progress = Callable[[int, int], None]


class Checks(Frozen):
    """What the gate found: faults (errors first, then by case), and facts of every case that could be read whole.

    seen: what `see` made of each of these cases; not part of the JSON.
    """

    faults: tuple[Fault, ...]
    facts: dict[str, CaseFacts]
    seen: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)

    @property
    def errors(self) -> tuple[Fault, ...]:
        """The faults that stop a run."""
        return tuple(fault for fault in self.faults if fault.stops)

    def summary(self) -> str:
        """How many of each severity, in words: "2 errors (1 waived), 1 warning"; "no faults" if there are none."""
        counts = {word: [bool(one.waived) for one in self.faults if one.severity == word] for word in SEVERITIES}
        parts = [
            f"{len(waived)} {word}{'s' * (len(waived) > 1)}" + (f" ({sum(waived)} waived)" if any(waived) else "")
            for word, waived in counts.items()
            if waived
        ]
        return ", ".join(parts) or "no faults"


def check(dataset: Dataset, *, jobs: int = 1, on_progress: Progress | None = None, see: See | None = None) -> Checks:
    """Look at every voxel of every file. Never raises for a bad file; raise_if_errors does, for all of them together.

    see: what else is to be taken from each case while its voxels are at hand. jobs: worker processes; small data sets are
    read in this process anyhow. on_progress(done, total) is called after each case. The result does not depend on jobs.
    Raises ResourceError if a file does not fit into memory.
    """
    results: list[Examined] = []
    for result in _examined(dataset.cases, dataset.task, see, jobs=jobs):
        results.append(result)
        if on_progress is not None:
            on_progress(len(results), len(dataset.cases))
    facts = {result.case.id: result.facts for result in results if result.facts is not None}
    faults = [*dataset.faults, *(fault for result in results for fault in result.faults)]
    faults += [*_duplicates(dataset.cases, facts), *_same_channels(dataset.cases, facts)]
    faults += _rare_regions(dataset.train, dataset.task, facts)
    faults += [*_rare_boxes(dataset.train, dataset.task), *rare_classes(dataset.train, dataset.task)]
    faults += nothing_to_learn(dataset.train, dataset.task)
    if dataset.task.source == SOURCE:
        faults += [*mixed_values(dataset.cases, dataset.task, facts), *interpolated_labels(results)]
    faults += [*turned_pictures(results), *mixed_pictures(results, dataset.task)]
    seen = {result.case.id: result.seen for result in results if result.seen is not None}
    return Checks(faults=tuple(ranked(faults)), facts=facts, seen=seen)


def ranked(faults: Iterable[Fault]) -> list[Fault]:
    """Errors first, then warnings and notes; of one severity by case and code."""
    return sorted(faults, key=lambda fault: (SEVERITIES.index(fault.severity), fault.case or "", fault.code))


def by_code(faults: Iterable[Fault]) -> dict[tuple[Severity, str], list[Fault]]:
    """Faults by severity and code, in the order in which these first come."""
    groups: dict[tuple[Severity, str], list[Fault]] = {}
    for fault in faults:
        groups.setdefault((fault.severity, fault.code), []).append(fault)
    return groups


def condensed(faults: Sequence[Fault]) -> list[Fault]:
    """Faults as a person reads them: four or more that say the same of different cases become one, at the first's place."""
    alike: dict[tuple[object, ...], list[Fault]] = defaultdict(list)
    for fault in faults:
        alike[fault.severity, fault.code, fault.expected, fault.found, fault.action, fault.waived].append(fault)
    first = {id(same[0]): same for same in alike.values() if len(same) >= ALIKE}
    inner = {id(fault) for same in first.values() for fault in same[1:]}
    return [_joined(first[id(fault)]) if id(fault) in first else fault for fault in faults if id(fault) not in inner]


def _joined(same: Sequence[Fault]) -> Fault:
    names = (name for fault in same for name in (fault.case, *fault.cases) if name)
    return same[0].model_copy(update={"case": None, "file": None, "cases": tuple(dict.fromkeys(names))})


def raise_if_errors(checks: Checks) -> None:
    """Raise DatasetFaults with a line for each error, at most 20 of them, if there is any but those of policy."""
    errors = [fault for fault in checks.errors if not fault.policy]
    if errors:
        cases = {fault.case for fault in errors if fault.case is not None}
        hint = f"Mend the files, or leave cases out with {excludes(cases)}." if cases else "Mend the files."
        raise stopping(checks, errors, hint=hint)


def stopping(checks: Checks, errors: Sequence[Fault], *, hint: str) -> DatasetFaults:
    """The error that tells of these faults, of 20 of them in a line each."""
    cases = {fault.case for fault in errors if fault.case is not None}
    return DatasetFaults(
        "the data set has faults that stop the run",
        found=checks.summary() + (f" in {len(cases)} case{'s' * (len(cases) > 1)}" if cases else ""),
        details=fault_lines(errors),
        hint=hint,
    )


def fault_lines(faults: Sequence[Fault]) -> list[str]:
    """A line for each of up to 20 faults, and how many more there are."""
    more = [f"and {len(faults) - SHOWN_FAULTS} more, see checks.json"] if len(faults) > SHOWN_FAULTS else []
    return [*(fault.line() for fault in faults[:SHOWN_FAULTS]), *more]


def excludes(cases: Collection[str]) -> str:
    """The options that leave cases out, to be copied; of more than 50, how many and where their names are.

    >>> excludes({"case 7", "a"}), excludes([f"c{number}" for number in range(60)])
    ("--exclude a --exclude 'case 7'", '--exclude for each of 60 cases, which scanwright inspect DATA --json names')
    """
    names = sorted(cases)
    if len(names) > SHOWN_EXCLUDES:
        return f"--exclude for each of {len(names)} cases, which scanwright inspect DATA --json names"
    return " ".join(f"--exclude {shlex.quote(name)}" for name in names)


def _examined(cases: Sequence[Case], task: Task, see: See | None, *, jobs: int) -> Iterator[Examined]:
    """Results in the order of the cases, from worker processes where that is faster."""
    work = partial(examine, task=task, see=see)
    workers = min(jobs, len(cases))
    if (
        workers < 2
        or sum(map(_size, {path for case in cases for image in case.images for path in files_of(image)}))
        < PARALLEL_BYTES
    ):
        yield from map(work, cases)
        return
    yield from in_processes(work, cases, workers=workers, at_once=max(1, min(8, len(cases) // (workers * 4))))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # the reader will say what is wrong with it


def _duplicates(cases: Sequence[Case], facts: Mapping[str, CaseFacts]) -> Iterator[Fault]:
    """A fault for every case whose images are, voxel for voxel, those of an earlier case."""
    alike: dict[tuple[str, ...], list[Case]] = defaultdict(list)
    for case in cases:
        if case.id in facts and any(channel.min < channel.max for channel in facts[case.id].channels):
            alike[facts[case.id].image_hashes].append(case)
    for first, *others in alike.values():
        for other in others:
            yield _duplicate(first, other, facts)


def _duplicate(first: Case, other: Case, facts: Mapping[str, CaseFacts]) -> Fault:
    differ = _contradict(first, other, facts)
    action, reason = "Splits keep both on one side; remove one of them if it is there by mistake.", ""
    if first.split != other.split:
        action = "Exclude it: a test must not hold what was learned from."
        reason = f", this one in {other.split} and that one in {first.split} of the data set's own split"
    if differ:
        action = "Find out which label is right, and exclude the other case."
        reason = f", with another label{reason}"
    return Fault(
        code="duplicate-image",
        severity="error" if reason else "warning",
        case=other.id,
        file=place_of(other.images[0]),
        expected="an image of its own",
        found=f"the same voxels as {first.id}{reason}",
        action=action,
    )


def _contradict(first: Case, other: Case, facts: Mapping[str, CaseFacts]) -> bool:
    """Whether two cases are said to show different things; where one of them says nothing, they are not."""
    if isinstance(first.target, Classes) and isinstance(other.target, Classes):
        return first.target.contradicts(other.target)
    return len({facts[case.id].label_hash or case.target for case in (first, other)} - {None}) > 1


def _rare_regions(cases: Sequence[Case], task: Task, facts: Mapping[str, CaseFacts]) -> Iterator[Fault]:
    """Regions that cannot be learned and judged by patient, because at most one patient has them.

    Silent while some case could not be read: that has to be mended first. Of one or two patients each region is rare.
    """
    if not cases or not task.regions or any(case.id not in facts for case in cases):
        return
    owners: dict[str, set[str]] = {region.name: set() for region in task.regions}
    for case in cases:
        for name in (name for name, voxels in facts[case.id].region_voxels.items() if voxels):
            owners[name].add(case.patient)
    if not any(owners.values()):
        action = "Check that these are the labels, and that their values are declared."
        yield Fault(code="nothing-to-learn", severity="error", found="no region in any labelled case", action=action)
        return
    action = "remove it from the regions, or add cases that have it"
    yield from rare(owners, code="rare-region", what="region", action=action, excuse_one=_are_few(cases))


def _rare_boxes(cases: Sequence[Case], task: Task) -> Iterator[Fault]:
    """Classes of boxes that cannot be learned and judged by patient, because at most one patient has them."""
    drawn = [(case.patient, case.target.boxes) for case in cases if isinstance(case.target, Boxes)]
    if not drawn:
        return
    owners: dict[str, set[str]] = {name: set() for name in task.classes}
    for patient, boxes in drawn:
        for name in (box.name for box in boxes if not box.ignored):
            owners[name].add(patient)
    if not any(owners.values()):
        action = "Check that these are the boxes, and that they are not all of test cases."
        yield Fault(code="nothing-to-learn", severity="error", found="no box in any labelled case", action=action)
        return
    action = "add cases that have it"
    yield from rare(owners, code="rare-class", what="class", action=action, excuse_one=_are_few(cases))


def _are_few(cases: Sequence[Case]) -> bool:
    return len({case.patient for case in cases}) <= 2


def _same_channels(cases: Sequence[Case], facts: Mapping[str, CaseFacts]) -> Iterator[Fault]:
    """A warning for every case in which two channels are the same file's content."""
    for case in cases:
        hashes = facts[case.id].image_hashes if case.id in facts else ()
        if len(set(hashes)) < len(hashes):
            yield Fault(
                code="same-channel",
                severity="warning",
                case=case.id,
                file=place_of(case.images[0]),
                expected="channels that differ",
                found="two channels with the same voxels",
                action="Check whether one was copied in place of the other.",
            )
