"""Tables beside the scans: patients, groups and a declared test split for cases that another layout has found.

A CSV or TSV in the data folder counts if one of its columns names at least half of the cases (with or without a file
suffix). Patients come from a column such as patient_id; without one, from names such as "sub-012_ses-1" or
"patient012_frame01"; else every case counts as a patient of its own, and Dataset.patients_from says so.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scanwright.dataset.cases import Case, Dataset, Fault, Side
from scanwright.dataset.declare import FILE_NAME, Declaration
from scanwright.dataset.layouts.ages import is_age_column, said_group
from scanwright.dataset.layouts.box_columns import box_columns
from scanwright.dataset.layouts.cells import is_empty, says_nothing
from scanwright.dataset.layouts.delimited import Table, columns_of, read_table, reason
from scanwright.dataset.layouts.judged import with_judged
from scanwright.dataset.layouts.listing import tables_in
from scanwright.dataset.layouts.sides import unclear_side, word_of
from scanwright.errors import InputError
from scanwright.io.formats import is_image, stem

PATIENT_COLUMNS = (
    *("patient", "patient_id", "patientid", "patient_nr", "patient_number", "subject", "subject_id", "subjectid"),
    *("participant", "participant_id", "person", "person_id", "mrn"),
)
SPLIT_COLUMNS = ("split", "set", "subset", "partition", "fold")
OF_SERIES = ("channel", "volume", "series", "folder", "label", "mask", "seg")
"""Columns that tell the rows of one case apart, or name files: no groups of cases."""
JUDGED_COLUMNS = ("annotated", "judged", "looked_for")
"""Columns that say which regions were looked for in a case, with | between their names."""
PATIENT_IN_NAME = re.compile(r"^((?:sub|subj|subject|pat|patient)[-_ ]?[a-z]{0,4}\d+)(?=[-_ .]|$)", re.IGNORECASE)

PATIENT_FOLDER = re.compile(
    r"^(?:sub|subj|subject|pat|patient|pt|p|case|id|scan|study|exam|series|ses|session)[-_ ]?\d+$", re.IGNORECASE
)

MAX_GROUPS = 12


def with_declared(dataset: Dataset, declared: Declaration, *, tables: bool = True) -> Dataset:
    """The data set with patients, groups and test cases from its tables (unless `tables` is False) and scanwright.json.

    Raises InputError if scanwright.json sets a case apart that is not there.
    """
    if tables:
        dataset = _with_tables(dataset)
    if declared.patient is not None:
        dataset = _with_pattern(dataset, re.compile(declared.patient))
    elif all(case.patient == case.id for case in dataset.cases):
        dataset = _with_names(dataset)
    return _with_test(dataset, set(declared.test))


def group_columns(table: Table, *, besides: Iterable[str]) -> list[str]:
    """Columns that sort cases into groups: 2 to 12 different words, each on average at least twice, no number, path or
    link; and ages, which are sorted by decade (`said_group`).
    """
    chosen, besides = [], set(besides)
    for name in table.columns:
        values = [row[name] for row in table.rows if not is_empty(row[name])]
        different = set(values)
        if name not in besides and is_age_column(name, values):
            chosen.append(name)
            continue
        if name in besides or not 2 <= len(different) <= min(MAX_GROUPS, len(values) // 2):
            continue
        if not any(_is_number(value) or "/" in value or is_image(Path(value)) for value in different):
            chosen.append(name)
    return chosen


def side_of(rows: Iterable[Mapping[str, str]], split: str) -> Side:
    """ "test" if any row of a case sets it apart; all other words (train, val, 1 …) leave it to the folds.

    What is learned from by mistake cannot be taken back, so one row is enough.
    """
    return "test" if any(word_of(row[split]) == "test" for row in rows) else "train"


def faults_of(
    cases: Iterable[Case],
    rows: Mapping[str, Sequence[Mapping[str, str]]],
    *,
    patient: str | None,
    split: str | None,
    table: Path,
) -> list[Fault]:
    """Faults of what the rows of each case say of its patient and its side: columns `patient` and `split`, if there are any."""
    faults = [] if patient is None else _patient_faults(cases, rows, patient, table)
    if split is None:
        return faults
    for case in cases:
        odd = [row[split] for row in rows.get(case.id, ()) if word_of(row[split]) is None]
        faults += [unclear_side(case.id, table, odd[0])] if odd else []
    return faults


def said_patient(row: Mapping[str, str], column: str | None) -> str:
    """The patient that a row names in a column, if there is one; "" where the cell is empty or says that it is not known.

    >>> said_patient({"patient": "P1"}, "patient"), said_patient({"patient": "nan"}, "patient"), said_patient({}, None)
    ('P1', '', '')
    """
    return "" if column is None or says_nothing(row[column]) else row[column]


def is_patient_name(name: str) -> bool:
    """Whether a folder is called as a patient or a scan of one, not as a class: "sub-01", "patient 3", "P07", "case_12"."""
    return PATIENT_FOLDER.match(name) is not None or PATIENT_IN_NAME.match(name) is not None


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _with_tables(dataset: Dataset) -> Dataset:
    for path in tables_in(dataset.root):
        try:
            table = read_table(path)
        except InputError as error:
            dataset = dataset.model_copy(update={"faults": (*dataset.faults, unusable_table(path, error))})
            continue
        key = key_column(table, {case.id for case in dataset.cases})
        if key is not None and not (dataset.task.kind == "detection" and box_columns(table)):
            dataset = _joined(dataset, table, key)
    return dataset


def unusable_table(path: Path, error: InputError) -> Fault:
    """The fault of a table beside the scans that cannot be read.

    An error if its first line names patients or sides: what it sets apart would be learned from. Else a warning.
    """
    is_needed = not {*PATIENT_COLUMNS, *SPLIT_COLUMNS}.isdisjoint(columns_of(path))
    return Fault(
        code="unusable-table",
        severity="error" if is_needed else "warning",
        file=path,
        expected="" if error.expected is None else str(error.expected),
        found=reason(error),
        action="Mend it if it says whose the scans are or which are set apart: nothing of it is known. Else move it away.",
    )


def key_column(table: Table, ids: set[str]) -> str | None:
    """The column that names most cases, if it names at least half of them."""
    named = {name: len(ids & {case_of(row[name]) for row in table.rows}) for name in table.columns}
    best = max(named, key=lambda name: named[name], default=None)
    return best if best is not None and 2 * named[best] >= max(len(ids), 1) else None


def case_of(cell: str) -> str:
    """The case that a cell names: an image file's stem, or the cell as it is."""
    path = Path(cell.replace("\\", "/"))
    return stem(path) if is_image(path) else cell


def _joined(dataset: Dataset, table: Table, key: str) -> Dataset:
    """Take over what a table knows of each case. Rows of one case that disagree about its patient are a fault."""
    rows: dict[str, list[Mapping[str, str]]] = {}
    for row in table.rows:
        rows.setdefault(case_of(row[key]), []).append(row)
    patient, split = table.column(name for name in PATIENT_COLUMNS if name != key), table.column(SPLIT_COLUMNS)
    groups = group_columns(table, besides=(key, patient or "", split or "", *OF_SERIES, *JUDGED_COLUMNS))
    cases = [_case_with(case, rows.get(case.id, []), patient, split, groups) for case in dataset.cases]
    faults = faults_of(dataset.cases, rows, patient=patient, split=split, table=table.path)
    source = dataset.patients_from if patient is None else f"column {patient} of {table.path.name}"
    found = {"cases": tuple(cases), "faults": (*dataset.faults, *faults), "patients_from": source}
    judged = table.column(JUDGED_COLUMNS)
    joined = dataset.model_copy(update=found)
    return joined if judged is None else with_judged(joined, rows, judged, table=table.path)


def _case_with(
    case: Case, rows: Sequence[Mapping[str, str]], patient: str | None, split: str | None, groups: Sequence[str]
) -> Case:
    if not rows:
        return case
    row = {
        name: next((one[name] for one in rows if not is_empty(one[name])), "") for name in rows[0]
    }  # not every row says everything
    known = {
        "patient": next((named for one in rows if (named := said_patient(one, patient))), case.patient),
        "split": side_of(rows, split) if split is not None and case.split == "train" else case.split,
        "groups": {**case.groups, **{name: said_group(name, row[name]) for name in groups if row[name]}},
    }
    return case.model_copy(update=known)


def _patient_faults(
    cases: Iterable[Case], rows: Mapping[str, Sequence[Mapping[str, str]]], patient: str, table: Path
) -> list[Fault]:
    faults = []
    for case in cases:
        named = sorted({said for row in rows.get(case.id, ()) if (said := said_patient(row, patient))})
        if len(named) > 1:
            faults.append(_patient_fault("error", case.id, table, f"patients {', '.join(named)}"))
        elif not named:
            faults.append(_patient_fault("warning", case.id, table, "none; it counts as a patient of its own"))
    return faults


def _patient_fault(severity: str, case: str, table: Path, found: str) -> Fault:
    return Fault(
        code="unclear-patient",
        severity="error" if severity == "error" else "warning",
        case=case,
        file=table,
        expected="one patient",
        found=found,
        action="Correct the table: cases of one patient must not be parted.",
    )


def _with_pattern(dataset: Dataset, pattern: re.Pattern[str]) -> Dataset:
    matches = {case.id: pattern.search(case.id) for case in dataset.cases}
    patients = {name: match.group(1) or name for name, match in matches.items() if match}
    faults = [
        Fault(
            code="unclear-patient",
            severity="error",
            case=name,
            expected=f"a name that matches {pattern.pattern}",
            found=name,
            action=f'Correct "patient" in {FILE_NAME}.',
        )
        for name, match in matches.items()
        if not match
    ]
    return _with_patients(dataset, patients, source=f'"patient" in {FILE_NAME}', faults=faults)


def _with_names(dataset: Dataset) -> Dataset:
    """Patients from case names, if every name begins like one and some share one."""
    matches = {case.id: PATIENT_IN_NAME.match(case.id) for case in dataset.cases}
    patients = {name: match.group(1).lower() for name, match in matches.items() if match}
    if len(patients) < len(matches) or len(set(patients.values())) == len(patients):
        return dataset
    return _with_patients(dataset, patients, source="the beginnings of case names", faults=[])


def _with_patients(dataset: Dataset, patients: Mapping[str, str], *, source: str, faults: list[Fault]) -> Dataset:
    cases = tuple(case.model_copy(update={"patient": patients.get(case.id, case.patient)}) for case in dataset.cases)
    return dataset.model_copy(update={"cases": cases, "patients_from": source, "faults": (*dataset.faults, *faults)})


def _with_test(dataset: Dataset, names: set[str]) -> Dataset:
    unknown = sorted(names - {case.id for case in dataset.cases})
    if unknown:
        raise InputError(
            '"test" names cases that are not there', where=dataset.root / FILE_NAME, found=", ".join(unknown[:5])
        )
    cases = (case.model_copy(update={"split": "test"}) if case.id in names else case for case in dataset.cases)
    return dataset.model_copy(update={"cases": tuple(cases)})
