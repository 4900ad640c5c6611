"""Whether the data set says which cases are of one patient, so that a split can keep a patient on one side, and whether it is
to be believed.

code               severity   when
patients-unknown   note       no list, column or name tells patients apart, so every case counts as a patient of its own
mixed-patients     warning    a patient is a woman in one case and a man in another, as if two had been given one name
"""

from collections.abc import Iterator

from scanwright.dataset.cases import Dataset, Fault
from scanwright.dataset.declare import FILE_NAME

OF_SEX = ("sex", "gender", "patientsex", "patient_sex", "patient sex")
SEXES = {
    "f": "f",
    "female": "f",
    "w": "f",
    "woman": "f",
    "\u5973": "f",
    "m": "m",
    "male": "m",
    "man": "m",
    "\u7537": "m",
}
"""How tables write the two; any other word, and a number, says nothing here."""
SHOWN = 5


def doubted_patients(dataset: Dataset) -> Iterator[Fault]:
    """What is to be doubted in who is whose patient; nothing where patients are told apart without a contradiction."""
    yield from _unknown(dataset)
    yield from _mixed(dataset)


def _unknown(dataset: Dataset) -> Iterator[Fault]:
    if dataset.tells_patients or len(dataset.cases) < 2:
        return
    yield Fault(
        code="patients-unknown",
        severity="note",
        expected="a list, a column or names that tell patients apart",
        found=f"none: each of the {len(dataset.cases)} cases counts as a patient of its own",
        action="If patients have several images, name them in a table with the columns case and patient, or by a pattern on "
        f'case names, "patient" in {FILE_NAME}: else one patient may be on two sides of a split, and scores too good.',
    )


def _mixed(dataset: Dataset) -> Iterator[Fault]:
    said: dict[str, dict[str, set[str]]] = {}
    for case in dataset.cases:
        for column, word in case.groups.items():
            if column.casefold() in OF_SEX and (sex := SEXES.get(word.strip().casefold())):
                said.setdefault(case.patient, {}).setdefault(sex, set()).add(case.id)
    mixed = {patient: cases for patient, cases in said.items() if len(cases) > 1}
    if mixed:
        groups = tuple(tuple(sorted({*cases["f"], *cases["m"]})) for cases in mixed.values())
        more = f" and {len(mixed) - SHOWN} more" if len(mixed) > SHOWN else ""
        yield Fault(
            code="mixed-patients",
            severity="warning",
            cases=tuple(case for group in groups for case in group),
            groups=groups,
            expected="one sex for each patient",
            found=f"both for {', '.join([*mixed][:SHOWN])}{more}",
            action="Check whether two patients have one name: then cases of each would be kept together, and counted as one.",
        )
