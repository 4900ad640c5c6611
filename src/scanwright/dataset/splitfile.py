"""Split files as people write them: names of cases on each side of each fold, before anyone asks whether they exist.

JSON  [{"train": [names], "val": [names]}, …]                                  nnU-Net's splits_final.json
      {"folds": [{"train": [names], "validation": [names]}, …], "test": []}    splits.json of a run
CSV   case, fold      the fold in which a case validates: 0, 1 …; "test" sets it apart
      case, split     train, val or test: a single fold
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

from scanwright.dataset.layouts.sidecar import TEST_WORDS, read_table
from scanwright.errors import InputError
from scanwright.files import read_json
from scanwright.types import JSON

VALIDATION_WORDS = ("val", "valid", "validation", "dev")
TRAIN_WORDS = ("train", "training")

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
    words: dict[str, str] = {}
    for row in table.rows:
        word = row[column].strip().lower()
        if words.setdefault(row[key], word) != word:
            raise InputError("a case is in two rows that differ", where=path, found=row[key], hint="List it once.")
    test = [name for name, word in words.items() if word in TEST_WORDS]
    rest = {name: word for name, word in words.items() if word not in TEST_WORDS}
    if all(word.isdigit() for word in rest.values()) and rest:
        numbers = sorted({int(word) for word in rest.values()})
        return [_parted(rest, {str(number)}) for number in numbers], test
    odd = sorted({word for word in rest.values() if word not in (*VALIDATION_WORDS, *TRAIN_WORDS)})
    if odd:
        raise InputError(
            "not a word of a split", where=path, expected="a fold's number, train, val or test", found=odd[0]
        )
    return [_parted(rest, set(VALIDATION_WORDS))], test


def _parted(words: Mapping[str, str], validation: set[str]) -> tuple[list[str], list[str]]:
    """Names whose word is none of `validation`, and those whose word is."""

    # fold numbers are compared as numbers: "01" and "1" are one fold
    def judged(word: str) -> bool:
        return (str(int(word)) if word.isdigit() else word) in validation

    return [n for n, word in words.items() if not judged(word)], [n for n, word in words.items() if judged(word)]
