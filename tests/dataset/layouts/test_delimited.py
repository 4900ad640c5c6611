"""Tables as cells: what is read, and what is refused with its line."""

import pytest

from scanwright.dataset.layouts.delimited import columns_of, read_table, why_unreadable
from scanwright.errors import InputError

ROWS = "image,note,patient\na.png,x,1\nb.png,y,2\n"


@pytest.mark.parametrize(
    "data",
    [
        ROWS.encode(),
        ROWS.encode("utf-16"),
        b"\xfe\xff" + ROWS.encode("utf-16-be"),
        ROWS.encode("utf-8-sig"),
        ROWS.replace("\n", "\r").encode(),
        ROWS.replace("\n", "\r\n").encode(),
        ("sep=,\n" + ROWS).encode(),
        ('"sep=,"\n' + ROWS).encode(),
        ("SEP=;\r\n" + ROWS.replace(",", ";").replace("\n", "\r\n")).encode(),
        ROWS.replace(",", "\t").encode(),
        ROWS.replace("\n", ",,\n").replace("patient,,", "patient").encode(),  # as spreadsheets export empty columns
        ROWS.replace(",x,", ', "x" ,').replace('"x" ', "x").encode(),
    ],
)
def test_read_table__the_same_however_it_was_saved(tmp_path, data):
    (tmp_path / "t.csv").write_bytes(data)
    table = read_table(tmp_path / "t.csv")
    assert table.columns == ("image", "note", "patient")
    assert [list(row.values()) for row in table.rows] == [["a.png", "x", "1"], ["b.png", "y", "2"]]


def test_read_table__a_cell_of_many_lines(tmp_path):
    report = "\n".join(f'line {number}, with a comma and a ""quote""' for number in range(40))
    (tmp_path / "t.csv").write_text(f'case,report,patient\na,"{report}",1\nb,none,2\n')
    rows = read_table(tmp_path / "t.csv").rows
    assert [row["patient"] for row in rows] == ["1", "2"]
    assert rows[0]["report"].count("\n") == 39


def test_read_table__cells_in_quotes_and_short_rows(tmp_path):
    (tmp_path / "t.csv").write_text('a,b,c\n"1, ""x""",2\n"line\nbreak",3,4\n\n')
    rows = read_table(tmp_path / "t.csv").rows
    assert [list(row.values()) for row in rows] == [['1, "x"', "2", ""], ["line\nbreak", "3", "4"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b\n1,2\n3,4,5\n6,7\n8,9,10\n", "line 3, 5"),
        ('a,b\n1,2\n"3,4\n5,6\n', "in the row of line 3"),
        ('a,b\n1,"2"x\n', "in the row of line 2"),
        ('a,b\n1,2\n"3,4\n' + "5,6\n" * 30_000, "in the row of line 3"),
        ('sep=,\na,b\n1,2\n3,"4\n', "a quote that does not end, in the row of line 4"),
        ("sep=;\na;b\n1;2;3\n", "line 3"),
        ("a,b,,\n1,2,3\n", "line 2"),
        ("a,a\n1,2\n", "a twice"),
        ("\n1,2\n", "an empty first line"),
    ],
)
def test_read_table__refused(tmp_path, text, found):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError) as raised:
        read_table(tmp_path / "t.csv")
    assert found in str(raised.value.found)


@pytest.mark.parametrize("data", [ROWS.encode("utf-16-le"), b"\xff\xfe\0", ROWS.encode("utf-32")])
def test_read_table__bytes_that_are_no_text(tmp_path, data):
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(InputError, match="no characters"):
        read_table(tmp_path / "t.csv")
    assert columns_of(tmp_path / "t.csv") == ()


def test_why_unreadable__the_broken_ones_alone(tmp_path):
    for name, text in (("good", ROWS), ("long", "a,b\n1,2,3\n"), ("quote", 'a,b\n1,"2\n')):
        (tmp_path / f"{name}.csv").write_text(text)
    (tmp_path / "gone.csv").symlink_to("nowhere")
    lines = why_unreadable(tmp_path / f"{name}.csv" for name in ("good", "long", "quote", "gone"))
    assert lines == [
        "long.csv: rows with more cells than the first line has columns: line 2",
        "quote.csv: not a table: a quote that does not end, in the row of line 2",
        "gone.csv: cannot read this file: No such file or directory",
    ]


def test_columns_of__whatever_the_rows_hold(tmp_path):
    (tmp_path / "t.csv").write_text('Case,Patient ID,\na,"1\nb,2\n')
    assert columns_of(tmp_path / "t.csv") == ("case", "patient_id")


@pytest.mark.parametrize(
    ("data", "columns", "cell"),
    [
        ("诊断,大小 (mm)\n良性,3\n".encode(), ("诊断", "大小_mm"), "良性"),
        ("诊断,大小 (mm)\n良性,3\n".encode("gbk"), ("诊断", "大小_mm"), "良性"),
        ("Größe,x\nmäßig ±2,3\n".encode("cp1252"), ("größe", "x"), "mäßig ±2"),
        ("\u200bklasse\ufeff,x\nbenign\u200b\u00a0,3\n".encode(), ("klasse", "x"), "benign"),
    ],
)
def test_letters_of_any_script(tmp_path, data, columns, cell):
    (tmp_path / "t.csv").write_bytes(data)
    table = read_table(tmp_path / "t.csv")
    assert (table.columns, table.rows[0][columns[0]]) == (columns, cell)
