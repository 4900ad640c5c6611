"""What is asked of a file before a library may open it: that it exists, is what it says, and fits into memory.

A file promises a size in its header. The promise is checked with whole numbers of any length before anything is
allocated, and no more is ever decompressed than was promised: a gzip bomb ends at its header, a truncated file at its
last byte.
"""

import contextlib
import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike

from scanwright.errors import InputError, ResourceError, ScanwrightError, UnreadableFile
from scanwright.runtime import free_memory_bytes
from scanwright.types import Array

MAX_VOXEL_BYTES = 16 << 30  # decoded voxels of one file; a 1024 x 1024 x 2000 CT in int16 has 4 GiB
MAX_AXIS = 1 << 20
SMALL_BYTES = 4 << 20  # less than this is not held against the free memory: asking takes as long as reading a slice
DEFLATE_RATIO = 1032  # deflate cannot shrink by more
GZIP_MAGIC = b"\x1f\x8b"
PIECE_BYTES = 8 << 20
PACKED_PIECE_BYTES = 256 << 10
RUST_PANICS = "pyo3_runtime"  # the module of their exception, which is no Exception
COPY_HINT = "Copy it again from its source, or exclude the case."
FOURTH_AXIS_HINT = "If that axis holds channels, declare them in the task. Split a time series into volumes."


def require_file(path: Path) -> int:
    """The size in bytes of a regular file that holds something.

    Raises InputError if nothing is there, UnreadableFile for a folder, a device, an empty file or one without
    permission.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError("no such file", where=path, hint="Check the path.") from error
    except (OSError, ValueError) as error:
        raise UnreadableFile("cannot look at this file", where=path, found=str(error)) from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket"
        raise UnreadableFile("not a file", where=path, expected="an image file", found=kind)
    if not status.st_size:
        raise UnreadableFile(
            "the file is empty", where=path, expected="an image", found="0 bytes", hint="Copy it again."
        )
    if not os.access(path, os.R_OK):
        raise UnreadableFile("no permission to read this file", where=path, hint="Change its permissions.")
    return status.st_size


def beginning(path: Path, count: int) -> bytes:
    """The first bytes of a regular file, at most `count`; b"" for what is none or cannot be read. Raises nothing.

    A pipe is not opened: it would wait for somebody to write into it.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as stream:
            return stream.read(count)
    except (OSError, ValueError):
        return b""


def checked_bytes(path: Path, shape: Sequence[int], dtype: DTypeLike) -> int:
    """The bytes that an array of this shape takes, before it is allocated.

    Raises UnreadableFile if a length is not in 1 to 2^20 or the whole is over MAX_VOXEL_BYTES, ResourceError if it is
    more than this machine has free.
    """
    sizes = [int(size) for size in shape]
    text = " x ".join(map(str, sizes))
    if not sizes or min(sizes) < 1 or max(sizes) > MAX_AXIS:
        raise UnreadableFile(
            "the header gives an impossible size", where=path, expected=f"1 to {MAX_AXIS} an axis", found=text
        )
    needed = prod(sizes) * np.dtype(dtype).itemsize
    if needed > MAX_VOXEL_BYTES:
        expected = f"at most {MAX_VOXEL_BYTES >> 30} GiB of voxels"
        raise UnreadableFile(
            "the image is too large", where=path, expected=expected, found=f"{text}: {needed / 2**30:.1f} GiB"
        )
    free = free_memory_bytes() if needed > SMALL_BYTES else needed
    if needed > free:
        raise ResourceError(
            "the image does not fit into memory",
            where=path,
            expected=f"at most {free / 2**30:.1f} GiB",
            found=f"{text}: {needed / 2**30:.1f} GiB",
            hint="Free memory, use a larger machine, or crop or resample the image.",
        )
    return needed


@contextlib.contextmanager
def as_unreadable(path: Path, *, expected: str) -> Iterator[None]:
    """Turn whatever a library raises on a broken file into an UnreadableFile that names it. Our own errors pass.

    A panic of a library in Rust counts as raised; what ends a program (Ctrl-C, an exit) passes.
    expected: what the file should have been, such as "a NIfTI image".
    """
    try:
        yield
    except ScanwrightError:
        raise
    except MemoryError as error:
        raise ResourceError("the image does not fit into memory", where=path) from error
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__module__ != RUST_PANICS:
            raise
        found = " ".join(str(error).split())[:200] or type(error).__name__
        raise UnreadableFile(
            "cannot read this file", where=path, expected=expected, found=found, hint=COPY_HINT
        ) from error


@contextlib.contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed as they are read if it begins as gzip does."""
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        if not packed:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as stream:
            yield stream  # type: ignore[misc]


class Inflated(io.RawIOBase):
    """A zlib or gzip stream, decompressed as it is read; its end must be there and its checksum right."""

    def __init__(self, packed: IO[bytes]) -> None:
        self.packed = packed
        self.inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # either header
        self.waiting = b""

    def readinto(self, buffer: Any) -> int:
        """Fill up to the length of `buffer`; 0 at the end. Raises zlib.error or EOFError on damage."""
        while not self.inflater.eof:
            self.waiting = self.waiting or self.packed.read(PACKED_PIECE_BYTES)
            piece = self.inflater.decompress(self.waiting, len(buffer))
            if not piece and not self.waiting:
                raise EOFError("the compressed data end too early")
            self.waiting = self.inflater.unconsumed_tail
            if piece:
                buffer[: len(piece)] = piece
                return len(piece)
        return 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """The packed file's."""
        return self.packed.fileno()


def read_exactly(stream: IO[bytes], count: int, path: Path, *, packed: int | None = None) -> Array:
    """Exactly `count` bytes as uint8, read in pieces. Raises UnreadableFile if the stream ends before or is damaged.

    packed: how many bytes of the file the stream is made of, where it is not the whole file.
    """
    if count > (os.fstat(stream.fileno()).st_size if packed is None else packed) * DEFLATE_RATIO:
        raise truncated(path, count, "a file too small to hold them")
    buffer = np.empty(count, np.uint8)
    view, filled = memoryview(buffer), 0  # type: ignore[arg-type]
    try:
        while filled < count:
            got = stream.readinto(view[filled : filled + PIECE_BYTES])  # type: ignore[attr-defined]
            if not got:
                break
            filled += got
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise truncated(path, count, f"{filled} and then: {error}") from error
    if filled < count:
        raise truncated(path, count, str(filled))
    return buffer


def require_end(stream: IO[bytes], path: Path, *, allowed: int = 0) -> None:
    """Check that at most `allowed` more bytes follow, and with it the gzip checksum. Raises UnreadableFile."""
    try:
        rest = stream.read(allowed + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableFile("the file is damaged", where=path, found=str(error), hint=COPY_HINT) from error
    if len(rest) > allowed:
        raise UnreadableFile(
            "the file goes on after its last voxel",
            where=path,
            expected="the size its header gives",
            found="more bytes",
        )


def truncated(path: Path, expected: int, found: str) -> UnreadableFile:
    """The error for a file that ends too early."""
    return UnreadableFile(
        "the file is truncated or damaged",
        where=path,
        expected=f"{expected} bytes of voxels",
        found=found,
        hint=COPY_HINT,
    )
