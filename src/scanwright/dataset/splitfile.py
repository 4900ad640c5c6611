"""Split files as people write them: names of cases on each side of each fold, before anyone asks whether they exist.

JSON  [{"train": [names], "val": [names]}, …]                                  nnU-Net's splits_final.json
      {"folds": [{"train": [names], "validation": [names]}, …], "test": []}    splits.json of a run
CSV   case, fold      the fold in which a case validates, numbered 0, 1 … as --fold counts; "test" sets it apart
      case, split     train, val or test: a single fold; of train and test alone it validates nothing
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

from scanwright.dataset.layouts.delimited import read_table
from scanwright.dataset.layouts.sides import EXPECTED, fold_of, word_of
from scanwright.errors import InputError
from scanwright.files import read_json
from scanwright.types import JSON

Named = list[tuple[list[str], list[str]]]


def read_names(path: Path) -> tuple[Named, list[str]]:
    """Names of (train, validation) of each fold, and of the test split. Raises InputError if the file is malformed."""
    if not path.is_file():
        raise InputError("no such split file", where=path, hint="Check the path after --split.")
    return _from_table(path) if path.suffix.lower() in (".csv", ".tsv") else _from_json(path)


def _from_json(path: Path) -> tuple[Named, list[str]]:
    value = read_json(path)
    listed = value.get("folds") if isinstance(value, dict) else value
    test = value.get("test", []) if isinstance(value, dict) else []
    folds: Named = []
    for entry in listed if isinstance(listed, list) else []:
        sides = entry if isinstance(entry, dict) else {}
        train, validation = sides.get("train"), sides.get("val", sides.get("validation"))
        if not _are_names(train) or not _are_names(validation):
            folds = []
            break
        folds.append((train, validation))
    if not folds or not _are_names(test):
        expected = '[{"train": [names], "val": [names]}, …] or {"folds": [{"train": …, "validation": …}]}'
        raise InputError("not a split file", where=path, expected=expected)
    return folds, test


def _are_names(value: JSON) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _from_table(path: Path) -> tuple[Named, list[str]]:
    table = read_table(path)
    key = table.column(("case", "case_id", "id", "name", "image", "file"))
    column = table.column(("fold", "split", "set"))
    if key is None or column is None:
        expected = "columns case and fold, or case and split"
        raise InputError("not a split file", where=path, expected=expected, found=", ".join(table.columns))
    cells: dict[str, str] = {}
    for row in table.rows:
        cell = row[column].strip().lower()
        if cells.setdefault(row[key], cell) != cell:
            raise InputError("a case is in two rows that differ", where=path, found=row[key], hint="List it once.")
    sides = {name: word_of(cell) for name, cell in cells.items()}
    odd = sorted({cells[name] for name, side in sides.items() if side is None or not cells[name]})
    if odd:
        raise InputError("not a word of a split", where=path, expected=EXPECTED, found=", ".join(map(repr, odd[:5])))
    test = [name for name, side in sides.items() if side == "test"]
    judging = {name: cells[name] for name, side in sides.items() if side == "fold"}
    learning = [name for name, side in sides.items() if side in ("train", "validation")]
    if judging and learning:
        expected, found = "a fold's number or test in each row", f"{len(judging)} numbers, and {cells[learning[0]]}"
        raise InputError("folds and words in one column", where=path, expected=expected, found=found)
    if not judging:
        return [_parted(learning, {name for name in learning if sides[name] == "validation"})], test
    numbers = {name: fold_of(cell) for name, cell in judging.items()}
    return [_parted(list(numbers), names) for names in _by_fold(numbers, path)], test


def _by_fold(numbers: Mapping[str, int], path: Path) -> list[set[str]]:
    """Names of each fold. Raises InputError if --fold would count the folds otherwise than the file does."""
    found = sorted(set(numbers.values()))
    if found != list(range(len(found))):
        raise InputError(
            "folds that are not numbered from 0 without a gap",
            where=path,
            expected=f"0 to {len(found) - 1}, as --fold counts",
            found=", ".join(map(str, found)),
            hint="Renumber them, so that --fold K is the fold that the file calls K.",
        )
    return [{name for name, number in numbers.items() if number == fold} for fold in found]


def _parted(names: list[str], validation: set[str]) -> tuple[list[str], list[str]]:
    """Names that are not in `validation`, and those that are."""
    return [name for name in names if name not in validation], [name for name in names if name in validation]
