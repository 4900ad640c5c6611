"""What cases and patients of several sources are called when they are put together: as before, unless two would become one.

Of the sources the first keeps its names; a later one's case or patient that is called like somebody else's gets its source's
name before its own. Upper and lower case make no difference: file systems may not tell them apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanwright.dataset.cases import Case


@dataclass(frozen=True, slots=True)
class Identity:
    """What a case is called among the others, and whose it is."""

    case: str
    patient: str


def source_names(paths: Sequence[Path]) -> list[str]:
    """A name for each source: its folder's (a table's or archive's without suffix); numbered where two are called alike.

    >>> source_names([Path("a/liver"), Path("b/liver"), Path("c/scans.csv")])
    ['liver', 'liver-2', 'scans']
    """
    names: list[str] = []
    for path in paths:
        whole = path.absolute().resolve()
        plain = (whole.name if whole.is_dir() else whole.stem) or "data"
        name, number = plain, 2
        while name in names:
            name, number = f"{plain}-{number}", number + 1
        names.append(name)
    return names


def identify(
    sources: Mapping[str, Iterable[Case]], *, same_patients: bool, taken: Iterable[Case] = ()
) -> dict[tuple[str, str], Identity]:
    """What each case is called, by source and its name there.

    same_patients: patients of one name are one person in all sources. taken: cases that are there already and stay as they are.
    """
    cases = {case.id.casefold() for case in taken}
    patients = {case.patient.casefold() for case in taken}
    found: dict[tuple[str, str], Identity] = {}
    for source, own in sources.items():
        added: set[str] = set()
        listed = list(own)
        whose = {
            name: name if same_patients else _free(name, source, patients)
            for name in sorted({one.patient for one in listed})
        }
        for case in listed:
            name = _free(case.id, source, cases)
            cases.add(name.casefold())
            alone = case.patient == case.id and not same_patients
            found[source, case.id] = Identity(name, name if alone and name != case.id else whose[case.patient])
            added.add(found[source, case.id].patient.casefold())
        patients |= added
    return found


def _free(name: str, source: str, taken: set[str]) -> str:
    """The name, or one that nobody has: with the source's before it, then with a number."""
    if name.casefold() not in taken:
        return name
    trial, number = f"{source}_{name}", 2
    while trial.casefold() in taken:
        trial, number = f"{source}_{name}_{number}", number + 1
    return trial
