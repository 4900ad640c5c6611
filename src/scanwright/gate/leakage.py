"""What must not lie on two sides of a split, and does: a patient, an image, neighbouring slices of one scan.

    patient-on-two-sides   error, policy   a patient's cases are learned from and judged, as somebody else's split says
                           warning         the same of a test split that the data set declares: a run leaves the patient's other
                                           cases out
    image-on-two-sides     error, policy   the same voxels in cases of different patients, on two sides of a given split
    slices-on-two-sides    error, policy   neighbouring slices of one scan, on two sides of a given split
    slices-of-one-scan     warning         pictures that are numbered slices of scans, each of which counts as a patient

Slices are told by their names (scan7_012, scan7_013) and by how they look: neighbours by number correlate more than nearly all
pairs of different scans do. Names alone, as in "benign_012", prove nothing.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scanwright.dataset.cases import Case, Fault
from scanwright.gate.cohort import Cohort
from scanwright.gate.signature import Signature
from scanwright.runtime import generator
from scanwright.types import JSON

SHOWN = 10
NUMBERED = re.compile(r"^(.*?)[-_ .]?(?:slice|sl|z|frame|fr|img|im|i|s)?[-_ .]?0*(\d+)$", re.IGNORECASE)
FEWEST_SLICES, FEWEST_SCANS = 4, 3
PAIRS = 2000
RARE = 0.95
"""Neighbours have to be more alike, in the median, than this share of pairs of different scans."""


@dataclass(frozen=True, kw_only=True)
class Leakage:
    """What lies on two sides. patients: those that do, with their cases. scans: slices that belong together, in their order."""

    patients: Mapping[str, tuple[str, ...]]
    scans: tuple[tuple[str, ...], ...]
    faults: tuple[Fault, ...]

    @property
    def together(self) -> tuple[tuple[str, ...], ...]:
        """Cases that a split made here is to keep on one side."""
        return self.scans

    def to_json(self) -> JSON:
        """Plain data."""
        return {
            "patients": {patient: list(names) for patient, names in self.patients.items()},
            "scans": [list(names) for names in self.scans],
        }


def find(cohort: Cohort, signatures: Mapping[str, Signature]) -> Leakage:
    """Hold patients, exact images and slices against the split."""
    patients = {case.id: case.patient for case in cohort.cases}
    leaking = _on_two_sides(cohort, _gathered(cohort.cases, patients))
    images = {case.id: "|".join(cohort.facts[case.id].image_hashes) for case in cohort.cases}
    copies = _on_two_sides(cohort, _gathered(cohort.cases, images))
    scans = scans_of(cohort, signatures)
    faults = (*_patients(cohort, leaking), *_images(cohort, copies, patients), *_slices(cohort, scans))
    return Leakage(patients=leaking, scans=scans, faults=faults)


def _gathered(cases: Sequence[Case], owners: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Cases by owner, of owners with several."""
    found: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        found[owners[case.id]].append(case.id)
    return {owner: tuple(names) for owner, names in sorted(found.items()) if len(names) > 1}


def _on_two_sides(cohort: Cohort, groups: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Those groups whose cases some partition of the split sets apart."""
    found = {}
    for owner, names in groups.items():
        for sides in cohort.partitions.values():
            if len({sides[name] for name in names if name in sides}) > 1:
                found[owner] = names
                break
    return found


def _patients(cohort: Cohort, leaking: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    if not leaking:
        return
    by_file = cohort.is_given and cohort.splits is not None
    shown = [f"{patient}: {_apart(cohort, names)}" for patient, names in list(leaking.items())[:SHOWN]]
    more = f" and {len(leaking) - SHOWN} more" if len(leaking) > SHOWN else ""
    yield Fault(
        code="patient-on-two-sides",
        severity="error" if by_file else "warning",
        policy=by_file,
        cases=tuple(name for names in leaking.values() for name in names),
        expected="no patient on two sides of the split",
        found=f"{len(leaking)} patient{'s' if len(leaking) > 1 else ''}: {'; '.join(shown)}{more}",
        action="Put all cases of a patient on one side."
        if by_file
        else "A run leaves the cases of these patients that are not in the test split out.",
        numbers={"patients": float(len(leaking))},
    )


def _apart(cohort: Cohort, names: Sequence[str]) -> str:
    """Two cases of a group that lie apart, and where: "a (train) and b (test) of fold 0"."""
    for name, sides in cohort.partitions.items():
        first = next((one for one in names if one in sides), None)
        other = next((one for one in names if first is not None and sides.get(one, sides[first]) != sides[first]), None)
        if first is not None and other is not None:
            return f"{first} ({sides[first]}) and {other} ({sides[other]}) of {name}"
    return ", ".join(names[:2])


def _images(cohort: Cohort, copies: Mapping[str, tuple[str, ...]], patients: Mapping[str, str]) -> Iterator[Fault]:
    """Of a declared test split `dataset.checks` says so already; of one patient `_patients` does."""
    if not cohort.is_given or cohort.splits is None:
        return
    for names in list(copies.values())[:SHOWN]:
        if len({patients[name] for name in names}) > 1:
            yield Fault(
                code="image-on-two-sides",
                severity="error",
                policy=True,
                case=names[0],
                cases=names,
                expected="an image on one side of the split",
                found=f"the same voxels in {_apart(cohort, names)}",
                action="Put them on one side, or leave one out with --exclude.",
            )


def scans_of(cohort: Cohort, signatures: Mapping[str, Signature]) -> tuple[tuple[str, ...], ...]:
    """Cases that are slices of one scan, in their order; those that already count as one patient's are left out."""
    stems: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for case in cohort.cases:
        match = NUMBERED.match(case.id)
        if match and case.id in signatures and signatures[case.id].thumbnail.ndim == 2 and case.patient == case.id:
            stems[match.group(1)].append((int(match.group(2)), case.id))
    scans = {
        stem: [name for _, name in sorted(found)]
        for stem, found in sorted(stems.items())
        if len(found) >= FEWEST_SLICES
    }
    if len(scans) < FEWEST_SCANS:
        return ()
    names = [name for found in scans.values() for name in found]
    owner = {name: stem for stem, found in scans.items() for name in found}
    rng = generator(0, len(names))
    drawn = rng.integers(len(names), size=(PAIRS, 2))
    others = [_alike(signatures, names[a], names[b]) for a, b in drawn if owner[names[a]] != owner[names[b]]]
    limit = float(np.quantile(others, RARE)) if others else 1.0
    return tuple(
        tuple(found)
        for found in scans.values()
        if np.median([_alike(signatures, one, next_) for one, next_ in pairwise(found)]) > limit
    )


def _alike(signatures: Mapping[str, Signature], one: str, other: str) -> float:
    """The correlation of two thumbnails; 0 where one of them is blank."""
    a, b = (signatures[name].thumbnail.astype(np.float32).ravel() for name in (one, other))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else 0.0


def _slices(cohort: Cohort, scans: Sequence[tuple[str, ...]]) -> Iterator[Fault]:
    if not scans:
        return
    apart = [names for names in scans if _on_two_sides(cohort, {"": names})]
    if cohort.is_given and apart:
        yield Fault(
            code="slices-on-two-sides",
            severity="error",
            policy=True,
            cases=tuple(name for names in apart for name in names[:2]),
            expected="all slices of a scan on one side of the split",
            found=f"{len(apart)} scans, such as {_apart(cohort, apart[0])}",
            action="Put all slices of a scan on one side.",
        )
        return
    yield Fault(
        code="slices-of-one-scan",
        severity="warning",
        cases=tuple(names[0] for names in scans),
        found=f"{sum(map(len, scans))} pictures that look like slices of {len(scans)} scans, each counted as a patient",
        action="Splits made here keep each scan on one side; say whose they are in a column patient_id.",
        numbers={"scans": float(len(scans))},
    )
