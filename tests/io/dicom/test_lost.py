"""Files that cannot be read: which of them may have been a slice."""

from pathlib import Path

import pytest

from scanwright.io.dicom.lost import Skipped, is_named_by_scanner, pattern_of, should_be_dicom

REPORT, CT = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.dcm", b"text", True),
        ("a.IMA", b"", True),
        ("marked.bin", bytes(128) + b"DICM", True),
        ("IM0003", b"", True),
        ("IM0003", b"text", True),  # named as IM0001, which can be read
        ("im3", b"text", True),
        ("IX0003", b"text", False),
        ("IX0003", bytes(50), True),
        ("IX0003", bytes(500), True),
        ("1.2.840.7", b"", True),
        ("README", b"text", False),
        ("README", b"", False),
        ("SLICE", bytes(500), True),
        ("IM0003.txt", b"", False),
        ("IM0003.bin", bytes(500), False),
    ],
)
def test_should_be_dicom(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    assert should_be_dicom(tmp_path / name, {pattern_of(tmp_path / "IM0001")}) == expected


def test_should_be_dicom__names_of_another_folder_say_nothing(tmp_path):
    (tmp_path / "IM0003").write_bytes(b"text")
    assert not should_be_dicom(tmp_path / "IM0003", {pattern_of(tmp_path / "other" / "IM0001")})


def test_is_named_by_scanner():
    assert all(is_named_by_scanner(Path(name)) for name in ("IM1", "a.dcm", "a.IMA", "1.2.840.113619.2"))
    assert not any(is_named_by_scanner(Path(name)) for name in ("a.txt", "Thumbs.db", "a.png"))


def test_may_be_a_slice():
    assert Skipped(Path("a"), "", True, CT).may_be_a_slice
    assert Skipped(Path("a"), "", True).may_be_a_slice
    assert not Skipped(Path("a"), "", True, REPORT).may_be_a_slice
    assert not Skipped(Path("a"), "").may_be_a_slice
