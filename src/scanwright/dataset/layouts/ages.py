"""Ages in tables: a number for each patient, of which groups by decade are made, as DICOM headers give them too."""

import re
from collections.abc import Iterable

AGE = re.compile(r"(?<![a-z])age(?![a-z])")
NOT_OF_PATIENTS = re.compile(r"month|day|week|bone|gestation|brain|model|device|scanner")
"""Words in the name of a column that is an age, but not the patient's in years."""
OLDEST = 120


def is_age_column(name: str, values: Iterable[str]) -> bool:
    """Whether a column holds patients' ages in years, of two decades at least. values: those that are not empty.

    >>> is_age_column("Age (years)", ["61", "47.5"]), is_age_column("stage", ["1", "22"]), is_age_column("age", ["61", "old"])
    (True, False, False)
    """
    if not AGE.search(name.lower()) or NOT_OF_PATIENTS.search(name.lower()):
        return False
    decades = [decade(value) for value in values]
    return None not in decades and len(set(decades)) > 1


def decade(text: str) -> str | None:
    """The ten years that an age lies in; None for what is no age.

    >>> decade("61"), decade("7,5"), decade("061Y"), decade("old")
    ('60 to 69', '0 to 9', '60 to 69', None)
    """
    found = re.fullmatch(r"\s*0*(\d{1,3})(?:[.,]\d+)?\s*[yY]?\s*", text)
    if found is None or int(found[1]) > OLDEST:
        return None
    first = int(found[1]) // 10 * 10
    return f"{first} to {first + 9}"


def said_group(column: str, text: str) -> str:
    """What a cell says as a group: an age by its decade, all else as it stands."""
    known = AGE.search(column.lower()) and not NOT_OF_PATIENTS.search(column.lower())
    return (decade(text) or text) if known else text
