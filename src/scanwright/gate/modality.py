"""Images of several DICOM modalities as if they were one channel: CT, MR and PET learned from as the same thing.

    mixed-modality   error (policy)   one channel holds images of two DICOM modalities or more, as their headers say

CR, DX and RG are radiographs and count as one. OT ("other"), a header without a modality and files that are not DICOM say
nothing.
Source: DICOM PS3.3 C.7.3.1.1.1 (Modality).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanwright.dataset.cases import Case, Fault
from scanwright.errors import ScanwrightError
from scanwright.gate.cohort import Cohort
from scanwright.io.formats import suffix_of
from scanwright.io.source import DicomVolume, Source
from scanwright.types import JSON

RADIOGRAPHS = frozenset({"CR", "DX", "RG"})
UNKNOWN = frozenset({"", "OT"})


@dataclass(frozen=True, kw_only=True)
class Modalities:
    """What each channel is made of. channels: for each, the cases of every modality, both sorted; no modality: not DICOM."""

    channels: tuple[Mapping[str, tuple[str, ...]], ...]
    faults: tuple[Fault, ...]

    def to_json(self) -> JSON:
        """How many cases of each modality there are in each channel, without the faults."""
        return {"channels": [{kind: len(names) for kind, names in held.items()} for held in self.channels]}


def glance(case: Case) -> tuple[str, ...]:
    """The DICOM modality of each image of a case, in capitals; "" where no header says it. Never raises.

    One header is read for each image, in about a millisecond: those of a series agree, or it would have been refused.
    """
    return tuple(_modality(image) for image in case.images)


def find(cohort: Cohort, glances: Mapping[str, Sequence[str]]) -> Modalities:
    """Channels whose images are of several modalities, a finding for each. The same in any order of cases."""
    seen = {case.id: glances[case.id] for case in cohort.cases if case.id in glances}
    channels = [_held(seen, place) for place in range(max(map(len, seen.values()), default=0))]
    names = [channel.name for channel in cohort.dataset.task.channels]
    called = [f"channel {name}" for name in names] if len(names) == len(channels) else ["the images"] * len(channels)
    faults = [fault for name, held in zip(called, channels, strict=True) for fault in _mixed(name, held)]
    return Modalities(channels=tuple(channels), faults=tuple(faults))


def _modality(image: Source) -> str:
    if isinstance(image, DicomVolume):
        return _in_header(image.files[0])
    return _in_header(image) if isinstance(image, Path) and suffix_of(image) == ".dcm" else ""


def _in_header(path: Path) -> str:
    from scanwright.io.dicom.elements import text
    from scanwright.io.dicom.intake import open_instance

    try:
        return text(open_instance(path).header, "Modality").strip().upper()
    except (ScanwrightError, OSError):
        return ""


def _held(seen: Mapping[str, Sequence[str]], place: int) -> dict[str, tuple[str, ...]]:
    """The cases of each modality at one place among their images; radiographs under the names that occur, as "CR/DX"."""
    found = {name: kinds[place] for name, kinds in seen.items() if len(kinds) > place and kinds[place] not in UNKNOWN}
    radiographs = "/".join(sorted(RADIOGRAPHS & set(found.values())))
    cases: dict[str, list[str]] = defaultdict(list)
    for name, kind in found.items():
        cases[radiographs if kind in RADIOGRAPHS else kind].append(name)
    return {kind: tuple(sorted(cases[kind])) for kind in sorted(cases)}


def _mixed(called: str, held: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    if len(held) < 2:
        return
    yield Fault(
        code="mixed-modality",
        severity="error",
        policy=True,
        cases=tuple(sorted(name for names in held.values() for name in names)),
        groups=tuple(held.values()),
        expected=f"one DICOM modality in {called}",
        found=", ".join(
            f"{len(names)} of {kind} ({names[0]}{' and others' if len(names) > 1 else ''})"
            for kind, names in held.items()
        ),
        action="Keep one of them and leave the others out with --exclude, or make each a channel of its own "
        '(of a DICOM folder: by "series" in scanwright.json).',
        numbers={kind: len(names) for kind, names in held.items()},
    )
