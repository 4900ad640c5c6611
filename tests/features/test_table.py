"""A table comes back to the bit, from CSV and from Parquet, and a file that is none says so."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwright.errors import InputError, UsageError
from scanwright.features.table import Cell, FeatureTable, read_csv, read_parquet, write_csv, write_parquet

SETTINGS = {"features": "radiomic", "bins": 32, "größe": None}


def table() -> FeatureTable:
    return FeatureTable.of_rows(
        {
            'odd, "name"': {"a": 0.1, "b": None},
            "患者 2": {"a": float("inf"), "c": -1e-300},
            "3": {"a": 1 / 3, "b": 2.0},
        },
        SETTINGS,
    )


KNOWN: dict[str, tuple[Cell, ...]] = {
    "case.patient": ("007", "007", "a, b"),
    "case.split": ("train", "test", None),
    "case.target.age": (1 / 3, None, -2.0),
    "case.target.ill": (1, 0, None),
}


def known_table() -> FeatureTable:
    return FeatureTable(("x", "y", "z"), ("a", "b"), np.array([[1.0, np.nan], [2.0, 0.5], [3.0, 1.0]]), SETTINGS, KNOWN)


def same(one: FeatureTable, other: FeatureTable) -> bool:
    words = (one.cases, one.names, one.settings, one.known) == (other.cases, other.names, other.settings, other.known)
    return words and np.array_equal(one.values, other.values, equal_nan=True)


def test_of_rows__what_is_lacking_is_not_defined() -> None:
    made = table()
    assert made.names == ("a", "b", "c") and made.values.dtype == np.float64
    assert np.isnan(made.values).tolist() == [[False, True, True], [True, True, False], [False, False, True]]
    with pytest.raises(ValueError, match="read-only"):
        made.values[0, 0] = 1


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=6, max_size=6))
def test_csv__every_number_to_the_bit(numbers: list[float]) -> None:
    import tempfile

    made = FeatureTable(("x", "y"), ("a", "b", "c"), np.array(numbers).reshape(2, 3), SETTINGS)
    with tempfile.TemporaryDirectory() as folder:
        write_csv(Path(folder) / "t.csv", made)
        assert same(read_csv(Path(folder) / "t.csv"), made)


def test_csv__quotes_letters_and_settings(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", table())
    assert same(read_csv(tmp_path / "t.csv"), table())
    assert (tmp_path / "t.csv").read_text(encoding="utf-8").startswith('case,a,b,c\n"odd, ""name""",0.1,,\n')
    (tmp_path / "t.settings.json").unlink()
    assert read_csv(tmp_path / "t.csv").settings is None


@pytest.mark.parametrize("made", [table(), known_table(), FeatureTable((), ("a",), np.zeros((0, 1)), None)])
def test_parquet__round_trip(made: FeatureTable, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    write_parquet(tmp_path / "t.parquet", made)
    assert same(read_parquet(tmp_path / "t.parquet"), made)


def test_csv__what_is_known_stands_before_the_features(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", known_table())
    first, second, *_ = (tmp_path / "t.csv").read_text().splitlines()
    assert first == "case,case.patient,case.split,case.target.age,case.target.ill,a,b"
    assert second == "x,007,train,0.3333333333333333,1,1.0,"
    assert same(read_csv(tmp_path / "t.csv"), known_table())


def test_known__goes_with_its_cases() -> None:
    part = known_table().of_cases(["z", "x"])
    assert part.known["case.patient"] == ("a, b", "007") and part.values[:, 0].tolist() == [3, 1]
    other = FeatureTable(
        ("z", "y", "x"), ("c",), np.ones((3, 1)), None, {"case.split": ("test",) * 3, "case.group.g": ("1", "2", "3")}
    )
    joined = known_table().beside(other)
    assert joined.known == {"case.group.g": ("3", "2", "1"), **KNOWN} and joined.names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("names", "known"),
    [(("case.patient", "b"), {}), (("a", "b"), {"patient": ("1", "2", "3")}), (("a", "b"), {"case.split": ("train",)})],
)
def test_known__no_column_means_two_things(names: tuple[str, str], known: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(UsageError, match="case\\."):
        FeatureTable(("x", "y", "z"), names, np.zeros((3, 2)), None, known)


def test_csv__no_case(tmp_path: Path) -> None:
    made = FeatureTable((), ("a",), np.zeros((0, 1)), None)
    write_csv(tmp_path / "t.csv", made)
    assert same(read_csv(tmp_path / "t.csv"), made)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a table"),
        ("id,a\nx,1\n", "not a table"),
        ("case,a\nx,1,2\n", "another length"),
        ("case,a\nx,many\n", "not a number"),
        ("case,case.target.age,a\nx,old,1\n", "not a number"),
        ("case,a\nx,1\nx,2\n", "occurs twice"),
        ("case,a,a\nx,1,2\n", "occurs twice"),
        ("case,a\nx,inf\n", "infinite"),
        ("case,\nx,1\n", "must have a name"),
    ],
)
def test_read_csv__refuses(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_csv(tmp_path / "t.csv")


def test_read__no_file_and_no_parquet(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_csv(tmp_path / "none.csv")
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 nothing")
    for name in ("t.parquet", "none.parquet"):
        with pytest.raises(InputError, match="not a table"):
            read_parquet(tmp_path / name)


def test_parquet__install_line_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **words: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *arguments, **words)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install \"scanwright\[features\]\""):
        write_parquet(tmp_path / "t.parquet", table())


def test_of_cases_and_beside() -> None:
    made = table()
    other = FeatureTable(("3", "患者 2", 'odd, "name"'), ("d",), np.array([[3.0], [2.0], [1.0]]), {"features": "fixed"})
    joined = made.beside(other)
    assert joined.names == ("a", "b", "c", "d") and joined.values[:, 3].tolist() == [1, 2, 3]
    assert joined.settings == {"tables": [SETTINGS, {"features": "fixed"}]}
    assert made.of_cases(["3"]).values[0, :2].tolist() == [1 / 3, 2]
    with pytest.raises(UsageError, match="no features of this case"):
        made.of_cases(["4"])
    with pytest.raises(UsageError, match="occurs twice"):
        made.beside(made)
