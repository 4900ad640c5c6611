"""The archive's one form: against zipfile as a second encoder, and against everything a ZIP could be instead."""

import io
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwright.errors import InputError, IntegrityError, ResourceError, UsageError
from scanwright.package import container

MEMBERS = {"weights/fold_0.safetensors": b"\x00" * 40, "task.json": b"{}", "card.md": "# Gehöft\n".encode()}


def encoded(members: dict[str, bytes | Path]) -> bytes:
    stream = io.BytesIO()
    container.encode(members, stream)
    return stream.getvalue()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def zipped(members: dict[str, bytes], **info: object) -> bytes:
    """The same members by the standard library, told to do it as we do; `info` changes one thing of each entry."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            for key, value in info.items():
                setattr(entry, key, value)
            archive.writestr(entry, data)
    return stream.getvalue()


def test_encode__equals_zipfile() -> None:
    assert encoded(MEMBERS) == zipped(dict(sorted(MEMBERS.items())))


def test_encode__by_hand() -> None:
    # One member "a.md" of the byte "A": CRC-32 of "A" is d3d99e8b.
    header = bytes.fromhex("504b0304 1400 0000 0000 0000 2100 8b9ed9d3 01000000 01000000 0400 0000") + b"a.md"
    entry = bytes.fromhex(
        "504b0102 1403 1400 0000 0000 0000 2100 8b9ed9d3 01000000 01000000 0400 0000 0000 0000 0000 0000a481 00000000"
    )
    closing = bytes.fromhex("504b0506 0000 0000 0100 0100 32000000 23000000 0000")
    assert encoded({"a.md": b"A"}) == header + b"A" + entry + b"a.md" + closing


def test_encode__order_and_source_do_not_matter(tmp_path: Path) -> None:
    file = write(tmp_path / "anything", MEMBERS["task.json"])
    assert encoded(MEMBERS) == encoded({**dict(reversed(MEMBERS.items())), "task.json": file})


def test_decode__re_encoding_gives_the_same_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.swm", encoded(MEMBERS))
    found = container.decode(path)
    assert {name: found.read(name) for name in found.members} == MEMBERS
    assert encoded({name: found.read(name) for name in found.members}) == path.read_bytes()
    assert found.head("task.json", count=1) == b"{" and found.head("task.json", count=99) == b"{}"


def test_decode__empty_archive(tmp_path: Path) -> None:
    assert container.decode(write(tmp_path / "a.swm", encoded({}))).members == {}


def test_decode__members_larger_than_a_piece(tmp_path: Path) -> None:
    data = bytes(range(256)) * 8192 + b"tail"  # 2 MiB and four bytes: three pieces
    found = container.decode(write(tmp_path / "a.swm", encoded({"a.png": data})))
    assert [len(piece) for piece in found.pieces("a.png")] == [1 << 20, 1 << 20, 4]
    assert found.read("a.png") == data


@pytest.mark.parametrize(
    "info",
    [
        {"date_time": (2026, 1, 1, 0, 0, 0)},
        {"compress_type": zipfile.ZIP_DEFLATED},
        {"comment": b"hidden"},
        {"extra": b"\x01\x00\x02\x00ab"},
        {"create_system": 0},
        {"external_attr": (stat.S_IFLNK | 0o777) << 16},
        {"internal_attr": 1},
        {"create_version": 63},
    ],
    ids=lambda info: next(iter(info)),
)
def test_decode__another_form_of_the_same_content_is_refused(info: dict[str, object], tmp_path: Path) -> None:
    data = zipped(dict(sorted(MEMBERS.items())), **info)
    path = write(tmp_path / "a.swm", data)
    assert zipfile.ZipFile(path).read("task.json") == b"{}"
    with pytest.raises(IntegrityError, match="cut, extended or altered") as error:
        container.decode(path)
    assert error.value.expected and error.value.found and error.value.exit_code == 3


def test_decode__members_out_of_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.swm", zipped(dict(sorted(MEMBERS.items(), reverse=True))))
    with pytest.raises(IntegrityError, match="each name once and in order"):
        container.decode(path)


def test_decode__a_name_twice(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.md", b"seen by one reader")
        archive.writestr("a.md", b"seen by the other")
    with pytest.raises(IntegrityError, match="each name once"):
        container.decode(write(tmp_path / "a.swm", stream.getvalue()))


def test_decode__comment_of_the_archive(tmp_path: Path) -> None:
    stream = io.BytesIO(encoded(MEMBERS))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.comment = b"note"
    with pytest.raises(IntegrityError):
        container.decode(write(tmp_path / "a.swm", stream.getvalue()))


def test_decode__bytes_before_the_first_member(tmp_path: Path) -> None:
    path = write(tmp_path / "a.swm", b"#!/bin/sh\n" + encoded(MEMBERS))
    assert zipfile.ZipFile(path).testzip() is None  # a ZIP reader searches, and finds nothing wrong
    with pytest.raises(IntegrityError):
        container.decode(path)


def test_decode__gap_between_members(tmp_path: Path) -> None:
    whole = encoded(MEMBERS)
    at = whole.index(b"PK\x03\x04", 4)
    with pytest.raises(IntegrityError):
        container.decode(write(tmp_path / "a.swm", whole[:at] + b"\x00" * 8 + whole[at:]))


@pytest.mark.parametrize("data", [b"", b"PK", b"just a text\n" * 9, b"\x1f\x8b" + b"\x00" * 99])
def test_decode__something_else(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="not a Scanwright package"):
        container.decode(write(tmp_path / "a.swm", data))


def test_decode__no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such package"):
        container.decode(tmp_path / "a.swm")
    with pytest.raises(InputError):
        container.decode(tmp_path)


def test_read__file_changed_after_decoding(tmp_path: Path) -> None:
    path = write(tmp_path / "a.swm", encoded(MEMBERS))
    found = container.decode(path)
    path.write_bytes(path.read_bytes().replace(b"\x00" * 40, b"\x01" * 40))
    with pytest.raises(IntegrityError, match=r"CRC-32 .* of weights/fold_0.safetensors"):
        found.read("weights/fold_0.safetensors")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(IntegrityError, match="bytes in"):
        found.read("weights/fold_0.safetensors")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "A.json",
        "../a.json",
        "a/../b.json",
        "/a.json",
        "c:a.json",
        "c:/a.json",
        "a\\b.json",
        "a//b.json",
        "a/",
        ".json",
        ".hidden.json",
        "a b.json",
        "é.json",
        "a.json\x00",
        "a.json\n",
        "a.pkl",
        "a.pt",
        "a.json.gz",
        "a./b.json",
        "con.json",
        "nul/a.json",
        "com1.md",
        "a.json/b.json",
        "a/b/c/d/e.json",
        "a" * 120 + ".json",
        "a.",
        "~a.json",
        "-rf.json",
    ],
)
def test_names__refused_when_written_and_when_read(name: str, tmp_path: Path) -> None:
    assert container.name_fault(name)
    with pytest.raises(UsageError):
        encoded({name: b""})
    # A file of that name by other means: ours, with the letters replaced in both places.
    stand_in = "x" * (len(name.encode()) - 5) + ".json"
    if not container.name_fault(stand_in):
        data = encoded({stand_in: b""}).replace(stand_in.encode(), name.encode())
        with pytest.raises(IntegrityError):
            container.decode(write(tmp_path / "a.swm", data))


@pytest.mark.parametrize("name", ["a.json", "weights/fold_0.safetensors", "report.html", "figures/roc-1.png", "a.b.md"])
def test_names__accepted(name: str) -> None:
    assert container.name_fault(name) is None


def test_encode__limits(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at most 1000"):
        encoded({f"{i}.md": b"" for i in range(1001)})
    large = tmp_path / "large"
    with large.open("wb") as stream:
        stream.truncate(1 << 32)  # sparse: takes no room
    with pytest.raises(ResourceError, match="less than 4 GiB"):
        encoded({"a.safetensors": large})


def test_decode__more_members_than_allowed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.swm", zipped({f"{i:04d}.md": b"" for i in range(1001)}))
    with pytest.raises(IntegrityError, match="at most 1000"):
        container.decode(path)


NAMES = st.from_regex(r"[a-z0-9_]{1,8}/?[a-z0-9_]{1,8}\.(json|md|png)", fullmatch=True)


@given(st.dictionaries(NAMES.filter(lambda name: not container.name_fault(name)), st.binary(max_size=60), max_size=5))
def test_law__any_members_come_back(members: dict[str, bytes]) -> None:
    data = encoded(members)
    assert data == zipped(dict(sorted(members.items())))
    assert {
        e.filename: zipfile.ZipFile(io.BytesIO(data)).read(e) for e in zipfile.ZipFile(io.BytesIO(data)).infolist()
    } == members
