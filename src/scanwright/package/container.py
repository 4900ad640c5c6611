"""`model.swm` as bytes: one stored ZIP archive that has exactly one valid form.

    local header + name + data     a triple for each member, names in ASCII order, no gap
    central directory              derived from the same names, sizes and CRC-32s
    closing record                 22 bytes, the last of the file

Any ZIP tool opens it. Our reader goes the other way: it takes names, sizes and checksums from the directory, derives
from them every byte that is not data, and compares. So there is nothing to hide in: no comment, extra field, timestamp,
flag, compression, gap, second member of a name, folder or link. Nothing is searched for, as ZIP readers do.

Limits: 4 GiB in all (no ZIP64), 1000 members, names of lower-case ASCII that every file system can hold.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, TypeAlias

from scanwright.errors import InputError, IntegrityError, ResourceError, UsageError
from scanwright.files import CHUNK_BYTES

Source: TypeAlias = bytes | Path

SUFFIXES = (".json", ".safetensors", ".md", ".html", ".png")
MAX_MEMBERS = 1000
MAX_NAME = 120
MAX_BYTES = 0xFFFF_FFFE  # 0xFFFFFFFF announces ZIP64

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
CLOSING = struct.Struct("<4s4H2IH")

VERSION = 20  # what zipfile writes: "2.0", and 3 << 8 for Unix, so that the mode below counts
MADE_BY = 3 << 8 | VERSION
DATE = 1 << 5 | 1  # 1980-01-01, the earliest that the format knows; the time is 0
MODE = 0o100644 << 16

_NAME = re.compile(r"(?:[a-z0-9_][a-z0-9_-]*/){0,3}[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_-]+)+")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)")


@dataclass(frozen=True, slots=True)
class Member:
    """One member as the directory states it. `offset` is where its local header begins; name and data follow it."""

    name: str
    size: int
    crc32: int
    offset: int

    @property
    def start(self) -> int:
        """Where the data begin in the file."""
        return self.offset + LOCAL.size + len(self.name)

    @property
    def stop(self) -> int:
        """Where the data end, which is where the next local header or the central directory begins."""
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class Container:
    """A file whose form was found canonical. Data are checked when they are read."""

    path: Path
    members: Mapping[str, Member]

    def pieces(self, name: str) -> Iterator[bytes]:
        """The member's bytes in pieces of at most 1 MiB. Raises IntegrityError after the last if they are not the ones."""
        member, crc, left = self.members[name], 0, self.members[name].size
        with self.path.open("rb") as stream:
            stream.seek(member.start)
            while left and (piece := stream.read(min(left, CHUNK_BYTES))):
                crc, left = zlib.crc32(piece, crc), left - len(piece)
                yield piece
        self._require(member, size=member.size - left, crc32=crc)

    def read(self, name: str) -> bytes:
        """All bytes of one member, held once. Raises IntegrityError if they are not the ones that the directory states."""
        member = self.members[name]
        with self.path.open("rb") as stream:
            stream.seek(member.start)
            data = stream.read(member.size)
        self._require(member, size=len(data), crc32=zlib.crc32(data))
        return data

    def head(self, name: str, *, count: int) -> bytes:
        """The first `count` bytes of a member, or all where it is shorter; not checked against the CRC-32."""
        member = self.members[name]
        with self.path.open("rb") as stream:
            stream.seek(member.start)
            return stream.read(min(count, member.size))

    def _require(self, member: Member, *, size: int, crc32: int) -> None:
        if size != member.size:
            raise _altered(self.path, expected=f"{member.size} bytes in {member.name}", found=str(size))
        if crc32 != member.crc32:
            raise _altered(self.path, expected=f"CRC-32 {member.crc32:08x} of {member.name}", found=f"{crc32:08x}")


def name_fault(name: str) -> str | None:
    """Why a name cannot be a member's, or None. No capitals, drives or devices: it must unpack anywhere."""
    if len(name) > MAX_NAME:
        return f"longer than {MAX_NAME} characters"
    if not _NAME.fullmatch(name):
        return "not lower-case letters, digits, _ and -, at most three folders, and a suffix"
    if any(_RESERVED.match(part) for part in name.split("/")):
        return "a device name on Windows"
    return None if name.endswith(SUFFIXES) else f"suffix not one of {' '.join(SUFFIXES)}"


def encode(members: Mapping[str, Source], stream: IO[bytes]) -> None:
    """Write the archive of `members` (bytes, or files that are copied in pieces) to an empty stream that can seek.

    The same members give the same bytes, in whatever order they come.
    Raises UsageError for a name that cannot be a member's, ResourceError beyond the format's 4 GiB.
    """
    _require_fitting(members)
    written: list[Member] = []
    offset = 0
    for name in sorted(members):
        member = _write_member(name, members[name], stream, offset=offset)
        written.append(member)
        offset = member.stop
    stream.write(_directory(written))


def decode(path: Path) -> Container:
    """Open an archive and prove that all bytes but the data are the ones that `encode` would write.

    Reads headers only. Raises InputError if there is no such file, IntegrityError if it is cut, extended, or in any
    other form. The data are compared with their checksums as they are read (`Container.pieces`).
    """
    if not path.is_file():
        raise InputError("no such package", where=path, expected="a file", hint="Give the path of a model.swm.")
    size = path.stat().st_size
    with path.open("rb") as stream:
        members = _read_directory(stream, size=size, path=path)
        for member in members:
            _require_equal(stream, member.offset, _local(member), what=f"header of {member.name}", path=path)
        tail = _directory(members)
        _require_equal(stream, size - len(tail), tail, what="central directory", path=path)
    return Container(path=path, members=MappingProxyType({member.name: member for member in members}))


def _require_fitting(members: Mapping[str, Source]) -> None:
    for name in members:
        if fault := name_fault(name):
            raise UsageError("not a name for a member of a package", where=name, found=fault)
    if len(members) > MAX_MEMBERS:
        raise UsageError("too many members for a package", expected=f"at most {MAX_MEMBERS}", found=len(members))
    total = sum(len(source) if isinstance(source, bytes) else source.stat().st_size for source in members.values())
    if total + len(members) * (LOCAL.size + CENTRAL.size + 2 * MAX_NAME) + CLOSING.size > MAX_BYTES:
        raise ResourceError(
            "the package would be too large",
            expected="less than 4 GiB",
            found=f"{total / 2**30:.2f} GiB",
            hint="Pack fewer folds, or store the weights in half precision.",
        )


def _write_member(name: str, source: Source, stream: IO[bytes], *, offset: int) -> Member:
    """Header, data, then the header again: size and checksum are known only when the data have gone by once."""
    stream.write(_local(Member(name, 0, 0, offset)))
    size = crc = 0
    for piece in _pieces(source):
        stream.write(piece)
        size, crc = size + len(piece), zlib.crc32(piece, crc)
    member = Member(name, size, crc, offset)
    stream.seek(offset)
    stream.write(_local(member))
    stream.seek(member.stop)
    return member


def _pieces(source: Source) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as stream:
        while piece := stream.read(CHUNK_BYTES):
            yield piece


def _local(member: Member) -> bytes:
    name = member.name.encode()
    sizes = (member.crc32, member.size, member.size)
    return LOCAL.pack(b"PK\x03\x04", VERSION, 0, 0, 0, DATE, *sizes, len(name), 0) + name


def _central(member: Member) -> bytes:
    name = member.name.encode()
    sizes = (member.crc32, member.size, member.size)
    head = CENTRAL.pack(
        b"PK\x01\x02", MADE_BY, VERSION, 0, 0, 0, DATE, *sizes, len(name), 0, 0, 0, 0, MODE, member.offset
    )
    return head + name


def _directory(members: list[Member]) -> bytes:
    """Everything behind the data: an entry for each member, and the closing record."""
    entries = b"".join(_central(member) for member in members)
    start = members[-1].stop if members else 0
    return entries + CLOSING.pack(b"PK\x05\x06", 0, 0, len(members), len(members), len(entries), start, 0)


def _read_directory(stream: IO[bytes], *, size: int, path: Path) -> list[Member]:
    """Names, sizes and checksums from the directory, each at the offset where the canonical form has it."""
    stream.seek(max(size - CLOSING.size, 0))
    closing = stream.read(CLOSING.size)
    if len(closing) < CLOSING.size or not closing.startswith(b"PK\x05\x06"):
        raise _not_closed(stream, size, path)
    length, start = CLOSING.unpack(closing)[5:7]
    if start + length + CLOSING.size != size or length > MAX_MEMBERS * (CENTRAL.size + MAX_NAME):
        raise _altered(path, expected=f"a directory of {length} bytes that ends the file", found=f"{size} bytes in all")
    stream.seek(start)
    return _place(_entries(stream.read(length), path), start=start, path=path)


def _entries(directory: bytes, path: Path) -> Iterator[tuple[str, int, int]]:
    """(name, size, CRC-32) of each entry. Whatever else an entry says is compared later, with the derived bytes."""
    at = 0
    while at < len(directory):
        head = directory[at : at + CENTRAL.size]
        if len(head) < CENTRAL.size:
            raise _altered(path, expected="a whole directory entry", found=f"{len(head)} bytes")
        fields = CENTRAL.unpack(head)
        name = directory[at + CENTRAL.size : at + CENTRAL.size + fields[10]].decode("ascii", "backslashreplace")
        yield name, fields[9], fields[7]
        at += CENTRAL.size + fields[10]


def _place(entries: Iterable[tuple[str, int, int]], *, start: int, path: Path) -> list[Member]:
    members: list[Member] = []
    for name, size, crc in entries:
        if fault := name_fault(name):
            raise _altered(path, expected="names that a package may hold", found=f"{name[:60]!r}, {fault}")
        if members and name <= members[-1].name:
            raise _altered(path, expected=f"each name once and in order after {members[-1].name}", found=name)
        members.append(Member(name, size, crc, members[-1].stop if members else 0))
    stop = members[-1].stop if members else 0
    if len(members) > MAX_MEMBERS:
        raise _altered(path, expected=f"at most {MAX_MEMBERS} members", found=f"{len(members)}")
    if stop != start:
        raise _altered(path, expected=f"members that end at byte {start}", found=f"byte {stop}")
    return members


def _require_equal(stream: IO[bytes], offset: int, expected: bytes, *, what: str, path: Path) -> None:
    stream.seek(offset)
    found = stream.read(len(expected))
    if found != expected:
        pairs = enumerate(zip(expected, found, strict=False))
        at = next((i for i, (a, b) in pairs if a != b), min(len(expected), len(found)))
        raise _altered(
            path,
            expected=f"{expected[at : at + 4].hex()} at byte {offset + at} ({what})",
            found=found[at : at + 4].hex() or "the end of the file",
        )


def _not_closed(stream: IO[bytes], size: int, path: Path) -> IntegrityError:
    stream.seek(0)
    if stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06"):
        return _altered(
            path, expected="the archive's closing record as its last 22 bytes", found=f"{size} bytes that end otherwise"
        )
    return IntegrityError(
        "not a Scanwright package",
        where=path,
        expected="an archive that begins with PK",
        found=f"{size} bytes of something else",
        hint="Give the path of a model.swm that training or packing wrote.",
    )


def _altered(path: Path, *, expected: str, found: str) -> IntegrityError:
    return IntegrityError(
        "the package is cut, extended or altered",
        where=path,
        expected=expected,
        found=found,
        hint="Nothing of it was used. Copy it again from where it was made.",
    )
