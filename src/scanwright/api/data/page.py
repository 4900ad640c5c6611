"""The page about a data set: its facts, its findings with pictures, and a section for each question of the gate."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TypeVar

from scanwright.api.data.sections import sections
from scanwright.dataset.cases import Case, Fault, Quantities
from scanwright.dataset.checks import Checks, by_code, condensed
from scanwright.dataset.classes import answers_text
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.fingerprint import fingerprint
from scanwright.gate.cohort import Cohort
from scanwright.gate.survey import Glance, Survey
from scanwright.report.content import Finding
from scanwright.report.data_content import DataReport, FindingGroup, Picture
from scanwright.report.results_content import Fact
from scanwright.report.wording import channel_text, space_facts, volume_text

SHEET, PICTURES = 24, 8

T = TypeVar("T")


def data_report(cohort: Cohort, checks: Checks, found: Survey | None) -> DataReport:
    """Everything that the page says."""
    dataset = cohort.dataset
    sheet = on_sheet(cohort.cases)
    return DataReport(
        title=dataset.task.name,
        created=datetime.now(UTC),
        stated=dataset.stated,
        stops=len(checks.errors),
        facts=data_facts(cohort),
        sheet=pictures(sheet, checks.seen, notes={case.id: note_of(case) for case in dataset.cases}),
        sheet_note=sheet_note(len(sheet), len(cohort.cases)),
        region_names=tuple(region.name for region in dataset.task.regions),
        groups=finding_groups(checks),
        sections=() if found is None else sections(cohort, checks, found),
        provenance=(Fact(name="Scanwright", value=version("scanwright")), Fact(name="Layout", value=dataset.layout)),
    )


def data_facts(cohort: Cohort) -> tuple[Fact, ...]:
    """The data in a few lines."""
    dataset, task = cohort.dataset, cohort.dataset.task
    patients = len({case.patient for case in dataset.cases})
    facts = [
        Fact(name="Folder", value=dataset.root.name),
        Fact(name="Kind", value=task.kind),
        Fact(
            name="Cases", value=f"{len(dataset.cases)} of {patients} patients; {len(cohort.cases)} could be read whole"
        ),
        Fact(name="Patients from", value=dataset.patients_from),
        Fact(name="Channels", value=", ".join(channel_text(channel) for channel in task.channels)),
    ]
    if answers := answers_text(dataset.cases, task):
        facts.append(Fact(name="Targets", value=answers))
    known = {case.id: cohort.facts[case.id] for case in cohort.cases}
    if known:
        found = fingerprint(known, task)
        facts += space_facts(found)
        for region in found.regions:
            volume = "in no case" if region.volume is None else volume_text(region.volume, found.unit)
            facts.append(Fact(name=region.name, value=f"in {region.present} cases, {volume}"))
    columns = sorted({key for case in dataset.cases for key in case.groups})
    if columns:
        facts.append(Fact(name="Group columns", value=", ".join(columns)))
    return tuple(facts)


def on_sheet(cases: Sequence[Case]) -> list[str]:
    """Cases for the contact sheet: each answer's in turn, evenly spread over their names."""
    kinds: dict[str, list[str]] = {}
    for case in cases:
        kinds.setdefault(note_of(case), []).append(case.id)
    if len(kinds) > SHEET:  # numbers, or many classes: one row of all
        kinds = {"": [case.id for case in cases]}
    each = max(1, SHEET // max(1, len(kinds)))
    return [name for names in kinds.values() for name in spread(names, each)]


def spread(names: Sequence[T], most: int) -> list[T]:
    """At most so many of the names, or of anything, evenly spread.

    >>> spread("abcdefgh", 3), spread("ab", 3)
    (['a', 'd', 'g'], ['a', 'b'])
    """
    if len(names) <= most:
        return list(names)
    return [names[round(index * (len(names) - 1) / most)] for index in range(most)]


def note_of(case: Case) -> str:
    """What a whole image is labelled as; "" for regions and boxes."""
    if isinstance(case.target, Quantities):
        return ", ".join("–" if number is None else f"{number:g}" for number in case.target.numbers)
    names = getattr(case.target, "names", ())
    return ", ".join(names)


def sheet_note(shown: int, cases: int) -> str:
    """What the contact sheet shows."""
    some = f"{shown} of {cases} cases, spread evenly" if shown < cases else f"All {cases} cases"
    return f"{some}. A volume is cut where its label is largest, the patient’s right on the left."


def pictures(
    names: Iterable[str], glances: Mapping[str, Glance], notes: Mapping[str, str] | None = None
) -> tuple[Picture, ...]:
    """The cases of which there is a picture."""
    return tuple(
        Picture(case=name, image=glances[name].picture, note=(notes or {}).get(name, ""))
        for name in names
        if name in glances
    )


def finding_groups(checks: Checks) -> tuple[FindingGroup, ...]:
    """Findings by severity and code, in the order of the checks, with pictures of some of their cases."""
    return tuple(
        FindingGroup(
            code=code,
            findings=tuple(finding(fault) for fault in condensed(faults)),
            pictures=pictures(on_show(faults, checks.facts), checks.seen),
        )
        for (_, code), faults in by_code(checks.faults).items()
    )


def on_show(faults: Sequence[Fault], facts: Mapping[str, CaseFacts]) -> list[str]:
    """The cases that pictures are shown of; of images that are the same, both."""
    if faults[0].code != "duplicate-image":
        return spread(concerned(faults), PICTURES)
    first: dict[tuple[str, ...], str] = {}
    for name, found in facts.items():
        first.setdefault(found.image_hashes, name)
    names = (name for fault in spread(faults, PICTURES // 2) for name in concerned([fault]) if name in facts)
    pairs = (name for one in names for name in (first[facts[one].image_hashes], one))
    return list(dict.fromkeys(pairs))[:PICTURES]


def concerned(faults: Sequence[Fault]) -> list[str]:
    """The cases that faults are about, each once."""
    names = [name for fault in faults for name in ((fault.case,) if fault.case else ()) + fault.cases]
    return list(dict.fromkeys(names))


def finding(fault: Fault) -> Finding:
    """A fault as pages show it."""
    return Finding(
        severity=fault.severity,
        code=fault.code,
        case=fault.who,
        file=fault.file.name if fault.file else "",
        expected=fault.expected,
        found=fault.found,
        action=fault.action,
        waived=fault.waived,
    )
