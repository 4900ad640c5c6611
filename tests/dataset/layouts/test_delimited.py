"""Tables as cells: what is read, and what is refused with its line."""

import pytest

from scanwright.dataset.layouts.delimited import read_table
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
        ("a,a\n1,2\n", "a twice"),
        ("\n1,2\n", "an empty first line"),
    ],
)
def test_read_table__refused(tmp_path, text, found):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError) as raised:
        read_table(tmp_path / "t.csv")
    assert found in str(raised.value.found)
