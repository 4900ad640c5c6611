"""Header values as plain Python: what makes sense is read, the rest is None."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from made_dicom import header, write
from scanwright.errors import UnreadableFile
from scanwright.io.dicom.elements import (
    item,
    items,
    number,
    numbers,
    private_number,
    stated,
    text,
    value,
    vector,
    whole,
    words,
)
from scanwright.io.dicom.intake import open_instance

HERE = Path("a.dcm")


def made(**elements):
    result = Dataset()
    for name, one in elements.items():
        setattr(result, name, one)
    return result


def test_numbers():
    header = made(PixelSpacing=["0.5", "0.7"], SliceThickness="3.0", Rows=12, EchoTime=None, InstanceNumber="")
    assert numbers(header, "PixelSpacing") == (0.5, 0.7)
    assert vector(header, "PixelSpacing", 2) == (0.5, 0.7)
    assert vector(header, "PixelSpacing", 3) is None
    assert (number(header, "SliceThickness"), whole(header, "SliceThickness"), whole(header, "Rows")) == (3.0, 3, 12)
    assert [number(header, name) for name in ("EchoTime", "InstanceNumber", "FlipAngle")] == [None] * 3


def test_numbers__that_are_none():
    header = made()
    header.add_new("SliceThickness", "LO", "3 mm")
    header.add_new("FlipAngle", "FD", float("nan"))
    header.add_new("EchoTime", "FD", float("inf"))
    assert [number(header, name) for name in ("SliceThickness", "FlipAngle", "EchoTime")] == [None] * 3
    assert whole(made(SliceThickness="2.5"), "SliceThickness") is None


def test_text_and_words():
    header = made(ImageType=["ORIGINAL ", "PRIMARY"], Modality=" CT ")
    assert (text(header, "ImageType"), words(header, "ImageType")) == ("ORIGINAL\\PRIMARY", ("ORIGINAL", "PRIMARY"))
    assert (text(header, "Modality"), text(header, "PatientID"), value(header, "PatientID")) == ("CT", "", None)


def test_text__of_a_name():
    assert text(made(PatientName="Doe^Jane"), "PatientName") == "Doe^Jane"


def test_items():
    header = made(ReferencedSeriesSequence=Sequence([made(Rows=1), made(Rows=2)]), Rows=3)
    assert [one.Rows for one in items(header, "ReferencedSeriesSequence")] == [1, 2]
    assert item(header, "ReferencedSeriesSequence").Rows == 1
    assert len(item(header, "SourceImageSequence")) == 0
    assert items(header, "Rows") == ()


@pytest.mark.parametrize(
    ("vr", "held", "expected"),
    [
        ("DS", "1000", 1000.0),
        ("IS", ["800", "4"], 800.0),
        ("UN", b"5.5 ", 5.5),
        ("UN", b"\xff\xfe", None),
        ("LO", "x", None),
    ],
)
def test_private_number(vr, held, expected):
    header = Dataset()
    header.add_new((0x0019, 0x100C), vr, held)
    assert private_number(header, 0x0019, 0x100C) == expected
    assert private_number(header, 0x0019, 0x100D) is None


def in_a_file(tmp_path, held):
    """The header of a file, and its first item of a sequence, both with a slope of these letters."""
    inner = Dataset()
    for one in (outer := header(np.zeros((2, 2), np.uint8))), inner:
        one.add_new("RescaleSlope", "LO", held)
    outer.PixelValueTransformationSequence = Sequence([inner])
    path = write(tmp_path / "a.dcm", outer)
    raw = path.read_bytes().replace(b"\x28\0\x53\x10LO", b"\x28\0\x53\x10DS")
    path.write_bytes(raw)
    read = open_instance(path).header
    return read, item(read, "PixelValueTransformationSequence")


@pytest.mark.parametrize(("held", "expected"), [("2.5", (2.5,)), (" -1024 ", (-1024,)), ("", ()), ("  ", ())])
def test_stated(tmp_path, held, expected):
    assert [stated(one, "RescaleSlope", where=HERE) for one in in_a_file(tmp_path, held)] == [expected] * 2


@pytest.mark.parametrize("held", ["2,5", "-1024,0", "-1O24", "nan", "inf", "2\\3", "2\\"])
def test_stated__there_and_unreadable_is_not_absent(tmp_path, held):
    for one in in_a_file(tmp_path, held):
        with pytest.raises(UnreadableFile, match="RescaleSlope cannot be read") as caught:
            stated(one, "RescaleSlope", where=HERE)
        assert (caught.value.expected, caught.value.where) == ("a number", HERE)


def test_stated__of_a_count():
    assert stated(made(PixelSpacing=["0.5", "0.7"]), "PixelSpacing", 2, where=HERE) == (0.5, 0.7)
    with pytest.raises(UnreadableFile) as caught:
        stated(made(PixelSpacing=["0.5", "0.7", "1"]), "PixelSpacing", 2, where=HERE)
    assert (caught.value.expected, caught.value.found) == ("2 numbers", "0.5\\0.7\\1")
