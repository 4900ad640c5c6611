"""Whether the data set says which cases are of one patient: only then a split can keep a patient on one side.

code               severity   when
patients-unknown   note       no list, column or name tells patients apart, so every case counts as a patient of its own
"""

from scanwright.dataset.cases import Dataset, Fault
from scanwright.dataset.declare import FILE_NAME


def unknown_patients(dataset: Dataset) -> tuple[Fault, ...]:
    """One note for a data set of two cases or more that does not tell patients apart; else nothing."""
    if dataset.tells_patients or len(dataset.cases) < 2:
        return ()
    fault = Fault(
        code="patients-unknown",
        severity="note",
        expected="a list, a column or names that tell patients apart",
        found=f"none: each of the {len(dataset.cases)} cases counts as a patient of its own",
        action="If patients have several images, name them in a table with the columns case and patient, or by a pattern on "
        f'case names, "patient" in {FILE_NAME}: else one patient may be on two sides of a split, and scores too good.',
    )
    return (fault,)
