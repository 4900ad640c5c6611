"""Files that are never half there: atomic writes, canonical JSON, hashes.

Every write goes aside, is flushed to the disk, and is then renamed over its name, so a reader (or a resumed run) sees the
old file or the new one whole. A full or read-only disk is a ResourceError that names the path.
"""

import contextlib
import errno
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

from scanwright.errors import InputError, ResourceError

CHUNK_BYTES = 1 << 20


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of bytes, as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def canonical_json(value: Any) -> bytes:
    """The one encoding of a JSON value: sorted keys, no spaces, UTF-8. For hashing and for packages.

    Raises ValueError on NaN or infinity: "not defined" is null.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def finite_or_none(value: float | None) -> float | None:
    """A number as JSON may hold it: NaN and infinity become None ("not defined")."""
    return None if value is None or not math.isfinite(value) else float(value)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file for people to read, in one atomic step: two spaces, keys in the order given, no NaN."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def require_no_pipe(path: Path) -> None:
    """Raise InputError for a pipe, a socket or a device, which would be waited for or never end. A missing file passes."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError("not a file", where=path, expected="a file", found="a device, pipe or socket")


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises InputError, naming line and column, if it is not JSON or not UTF-8, or is no file."""
    require_no_pipe(path)
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # also UnicodeDecodeError, and a number of 5,000 digits
        raise InputError("not a JSON file", where=path, found=str(error), hint="Restore it or remove it.") from error


def is_plain_name(name: str) -> bool:
    """Whether a name from outside can be that of a file in a folder of ours, and of no other place.

    >>> [is_plain_name(name) for name in ("case 1.5", "患者01", "../up", "/abs", "a\\\\b", ".hidden", "")]
    [True, True, False, False, False, False, False]
    """
    return bool(name) and name[0] != "." and name.isprintable() and not set(name) & {"/", "\\"}


_MADE_AGAIN: ContextVar[bool] = ContextVar("made_again", default=False)


@contextlib.contextmanager
def made_again() -> Iterator[None]:
    """While this holds, files that are written do not wait for the disk: many small ones of a cache, which can be made again.

    They still appear whole or not at all where a process is killed; where the machine stops, one may be left empty.
    """
    before = _MADE_AGAIN.set(True)
    try:
        yield
    finally:
        _MADE_AGAIN.reset(before)


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes in one atomic step."""
    with writing(path) as stream:
        stream.write(data)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary stream beside `path` that becomes `path` when the block ends, and vanishes if it raises.

    Creates the parent folder. Raises ResourceError if the disk is full or the place cannot be written.
    """
    with as_resource_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                if not _MADE_AGAIN.get():
                    os.fsync(stream.fileno())
            Path(aside).chmod(0o666 & ~_umask())  # a temporary file is private; a result is as readable as any other
            Path(aside).replace(path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise


def _umask() -> int:
    """This process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def as_resource_error(path: Path) -> Iterator[None]:
    """Turn the operating system's "no space", "read-only" and "permission denied" into a ResourceError naming `path`."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if not full and error.errno not in (
            errno.EACCES,
            errno.EROFS,
            errno.EPERM,
            errno.ENOTDIR,
            errno.EEXIST,
            errno.ENAMETOOLONG,
            errno.ENOENT,
        ):
            raise
        raise ResourceError(
            "the disk is full" if full else "cannot write here",
            where=path,
            found=error.strerror,
            hint="Free some space and run the same command again." if full else "Choose another output folder with -o.",
        ) from error


def require_writable(folder: Path) -> None:
    """Create `folder` and prove that a file can be written in it. Raises ResourceError, naming the folder, otherwise."""
    with as_resource_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, prefix=".writable.", suffix=".part") as probe:
            probe.write(b"1")
