"""What lies on two sides of a split and must not: a patient, a study, an image, neighbouring slices of a scan.

    patient-on-two-sides   error (policy)   cases of one patient, as the data set names patients. Where the data set itself
                                            declares the test split and this is waived, a run learns from no case of a
                                            patient who is tested (dataset.split)
    scan-on-two-sides      error (policy)   cases of one DICOM frame of reference, or with the same study or series in a table
    image-on-two-sides     error (policy)   the same voxels on two sides of a given fold (across a test split that the data set
                                            declares: duplicate-image of dataset.checks)
    slices-on-two-sides    error (policy)   pictures whose names number them as slices, and which change little from one to the
                                            next (gate.slices)
    slices-of-one-scan     warning          the same where nobody else decided the split; to be kept on one side: `together`

A finding is made once: what is of one patient is not said again as a study, an image or slices.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from scanwright.dataset.cases import Case, Fault
from scanwright.gate.cohort import Cohort
from scanwright.gate.likeness.signature import Signature
from scanwright.gate.sides import is_given_between
from scanwright.gate.slices import Stack, stacks
from scanwright.io.source import frame_of
from scanwright.types import JSON

SHOWN = 10
STUDY_COLUMN = re.compile(r"(study|series|scan|exam|visit)_?(instance_?)?(id|uid|number)|accession(_?number)?")
STANDARD_FRAMES = "1.2.840.10008."  # atlases that DICOM itself names: many patients lie in one
MOST_PATIENTS = 0.5  # an identifier that more patients share than this share of them stands for nothing


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """What belongs together: faults where it was parted, and the stacks of slices that were recognised."""

    stacks: tuple[Stack, ...]
    faults: tuple[Fault, ...]

    @property
    def together(self) -> tuple[tuple[str, ...], ...]:
        """The cases of each stack."""
        return tuple(stack.cases for stack in self.stacks)

    def to_json(self) -> JSON:
        """The stacks as plain data, without the faults."""
        return {
            "stacks": [
                {"name": stack.name, "cases": list(stack.cases), "likeness": stack.likeness} for stack in self.stacks
            ]
        }


@dataclass(frozen=True, slots=True)
class Parted:
    """One identifier on two sides: the partition, and for each side there a case of it, the least by name."""

    identifier: str
    partition: str
    sides: tuple[tuple[str, str], ...]
    cases: tuple[str, ...]

    def line(self) -> str:
        """Words such as `p01: a_1 (train) and a_2 (validation)`."""
        return f"{self.identifier}: " + " and ".join(f"{name} ({side})" for side, name in self.sides)


def find(cohort: Cohort, signatures: Mapping[str, Signature] | None = None) -> Leaks:
    """All leaks of a cohort's split. Without signatures no stacks of slices are looked for. The same in any order of cases."""
    found = stacks(cohort, signatures) if signatures else ()
    of_stack = {name: stack.name for stack in found for name in stack.cases}
    patients = _parted(cohort, lambda case: case.patient)
    known = {part.identifier for part in patients}
    rest = [case for case in cohort.cases if case.patient not in known]
    faults = [
        *_patients(cohort, patients),
        *_fault(
            _parted(cohort, _study_of(cohort), rest), "scan-on-two-sides", "study", "Put all of a study on one side."
        ),
        *_fault(_images(cohort, rest), "image-on-two-sides", "image", "Put them on one side, or exclude one."),
        *_fault(
            _parted(cohort, lambda case: of_stack.get(case.id, ""), rest),
            "slices-on-two-sides",
            "scan",
            "Put all slices of a scan on one side, and name its patient in a table.",
        ),
    ]
    told = {name for fault in faults for name in fault.cases}
    loose = [stack for stack in found if len({cohort.by_id[name].patient for name in stack.cases}) > 1]
    faults += _untold([stack for stack in loose if not told & set(stack.cases)])
    return Leaks(stacks=tuple(loose), faults=tuple(faults))


def _patients(cohort: Cohort, parted: list[Parted]) -> Iterator[Fault]:
    action = "Put all cases of a patient on one side."
    if cohort.splits is None:
        action += " Where this is waived, a run learns from no case of a patient who is tested."
    yield from _fault(parted, "patient-on-two-sides", "patient", action)


def _parted(cohort: Cohort, identifier_of: Callable[[Case], str], cases: Iterable[Case] | None = None) -> list[Parted]:
    """Identifiers that lie on two sides of a given split, each at its first such partition; "" identifies nothing."""
    members: dict[str, list[str]] = defaultdict(list)
    for case in cohort.cases if cases is None else cases:
        if identifier := identifier_of(case):
            members[identifier].append(case.id)
    found: dict[str, Parted] = {}
    for partition, sides in cohort.partitions.items():
        for identifier, names in members.items():
            first: dict[str, str] = {}
            for name in names:
                if name in sides:
                    first.setdefault(sides[name], name)
            given = any(is_given_between(cohort, one, other) for one in first for other in first if one < other)
            if given and identifier not in found:
                found[identifier] = Parted(identifier, partition, tuple(sorted(first.items())), tuple(names))
    return [found[identifier] for identifier in sorted(found)]


def _study_of(cohort: Cohort) -> Callable[[Case], str]:
    """What names the study of a case, "" where nothing does or where it is a placeholder."""
    patients: dict[str, set[str]] = defaultdict(set)
    for case in cohort.cases:
        patients[_study(case)].add(case.patient)
    most = max(2, MOST_PATIENTS * len({case.patient for case in cohort.cases}))
    return lambda case: _study(case) if len(patients[_study(case)]) <= most else ""


def _study(case: Case) -> str:
    columns = [column for column in sorted(case.groups) if STUDY_COLUMN.fullmatch(column.lower())]
    named = [f"{column} {case.groups[column]}" for column in columns if case.groups[column].strip()]
    frames = [frame for image in case.images if (frame := frame_of(image)) and not frame.startswith(STANDARD_FRAMES)]
    return named[0] if named else (f"frame of reference {frames[0]}" if frames else "")


def _images(cohort: Cohort, cases: Iterable[Case]) -> list[Parted]:
    """Images with the same voxels in cases that the data set itself does not set apart; blank ones are alike by nature."""
    first: dict[tuple[str, ...], str] = {}
    name: dict[str, str] = {}
    for case in cases:
        facts = cohort.facts[case.id]
        if any(channel.min < channel.max for channel in facts.channels):
            name[case.id] = first.setdefault((*facts.image_hashes, case.split), case.id)
    return _parted(cohort, lambda case: f"the image of {name[case.id]}" if case.id in name else "", cases)


def _fault(parted: list[Parted], code: str, what: str, action: str) -> Iterator[Fault]:
    if not parted:
        return
    plural = {"study": "studies"}.get(what, f"{what}s")
    partition, sides = parted[0].partition, [side for side, _ in parted[0].sides]
    more = [f"and {len(parted) - SHOWN} more"] if len(parted) > SHOWN else []
    yield Fault(
        code=code,
        severity="error",
        policy=True,
        cases=tuple(sorted({name for part in parted for name in part.cases})),
        groups=tuple(part.cases for part in parted),
        expected=f"no {what} in both {' and '.join(sides)} of {partition}",
        found=f"{len(parted)} {plural if len(parted) > 1 else what}: "
        + "; ".join([f"{what} {part.line()}" if what == "patient" else part.line() for part in parted[:SHOWN]] + more),
        action=action,
        numbers={plural: len(parted)},
    )


def _untold(found: list[Stack]) -> Iterator[Fault]:
    if not found:
        return
    names = sorted(name for stack in found for name in stack.cases)
    scans = f"{len(found)} scan{'s' if len(found) > 1 else ''}"
    yield Fault(
        code="slices-of-one-scan",
        severity="warning",
        cases=tuple(names),
        expected="one patient for all slices of a scan",
        found=f"{len(names)} pictures that look like slices of {scans}, such as {found[0].name}",
        action="Splits made here keep each scan on one side; name the patients in a table.",
        numbers={"scans": len(found), "lowest_likeness": min(stack.likeness for stack in found)},
    )
