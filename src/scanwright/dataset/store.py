"""Arrays on disk under a name that says how they were made: content-addressed, atomic, memory-mapped.

    ROOT/3f/3f9c…e1/image.npy  codes.npy  …  info.json

The key is the SHA-256 of everything that decides the content (source hashes, plan section, version), so an entry is never
stale: other parts, other key. An entry is written aside and its folder renamed in one step; a reader sees it whole or not at
all. An entry that is cut or of another form than its info.json says counts as absent, and is written again. Plain .npy
files, because a 128³ patch is read in 1 ms memory-mapped against 33 ms from compressed chunks; never a pickle.
"""

import contextlib
import io
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scanwright.errors import InputError, IntegrityError
from scanwright.files import as_resource_error, canonical_json, read_json, sha256_bytes
from scanwright.types import JSON, Array

INFO = "info.json"
ASIDE = ".part-"
ARRAY_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
KEY = re.compile(r"[0-9a-f]{64}")
ONE_HEADER = threading.Lock()
"""Python 3.11 parses a literal, which the header of an array file is, in one thread at a time only (SystemError else)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What one key holds: read-only memory-mapped arrays by name, and the JSON that was stored with them."""

    arrays: Mapping[str, Array]
    info: JSON


class Store:
    """A folder of entries. Safe for several processes: whoever writes a key, one whole entry is left."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @staticmethod
    def key(parts: JSON) -> str:
        """The key of whatever decides an entry's content: SHA-256 of its canonical JSON. Raises ValueError on NaN."""
        return sha256_bytes(canonical_json(parts))

    def folder(self, key: str) -> Path:
        """Where an entry lies. Raises ValueError if the key is none of ours, so that no text becomes a path."""
        if not KEY.fullmatch(key):
            raise ValueError("a key is 64 hexadecimal digits")
        return self.root / key[:2] / key

    def has(self, key: str) -> bool:
        """Whether a whole entry is there: every array with the bytes, type and shape that info.json gives."""
        return self._open(key) is not None

    def open(self, key: str) -> Entry:
        """The entry, its arrays memory-mapped and read-only. Raises IntegrityError if it is absent, cut or altered in form."""
        entry = self._open(key)
        if entry is None:
            hint = "Run the same command again; it is made anew."
            raise IntegrityError("a prepared case is not there or not whole", where=self.folder(key), hint=hint)
        return entry

    def put(self, key: str, arrays: Mapping[str, Array], info: JSON = None) -> None:
        """Store arrays and JSON under a key, in one step. A whole entry that is there already is left as it is.

        Raises ResourceError if the disk is full or not writable, ValueError for names that are no plain words and for
        arrays of objects.
        """
        _check_arrays(arrays)
        if self.has(key):
            return
        target = self.folder(key)
        with as_resource_error(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            aside = Path(tempfile.mkdtemp(prefix=f"{ASIDE}{key[:8]}-", dir=target.parent))
            try:
                _write_entry(aside, arrays, info)
                _replace_folder(aside, target, is_whole=lambda: self.has(key))
            finally:
                shutil.rmtree(aside, ignore_errors=True)

    def keys(self) -> Iterator[str]:
        """Keys of all folders that look like entries, whole or not, in no order."""
        yield from (path.name for path in self.root.glob("??/*") if KEY.fullmatch(path.name))

    def sweep(self) -> int:
        """Remove what killed writers have left beside the entries; gives how many. Not while others write here."""
        left = list(self.root.glob(f"??/{ASIDE}*"))
        for path in left:
            shutil.rmtree(path, ignore_errors=True)
        return len(left)

    def _open(self, key: str) -> Entry | None:
        folder = self.folder(key)
        try:
            record = read_json(folder / INFO)
            arrays = {name: _mapped(folder / f"{name}.npy", promise) for name, promise in record["arrays"].items()}
            return Entry(arrays=arrays, info=record["info"])
        except (OSError, InputError, ValueError, KeyError, TypeError, AttributeError):
            return None  # absent, cut or not ours: whichever it is, it has to be made again


def _check_arrays(arrays: Mapping[str, Array]) -> None:
    for name, array in arrays.items():
        if not ARRAY_NAME.fullmatch(name):
            raise ValueError(f"an array's name is a plain word, not {name!r}")
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name} holds {array.dtype}, not numbers")


def _write_entry(folder: Path, arrays: Mapping[str, Array], info: JSON) -> None:
    """Write every array, then info.json; each is on the disk before the folder gets its name."""
    promises = {}
    for name, array in arrays.items():
        path = folder / f"{name}.npy"
        with path.open("wb") as stream:
            _write_array(stream, array)
            _flush(stream)
        promises[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "bytes": path.stat().st_size}
    with (folder / INFO).open("wb") as stream:
        stream.write(canonical_json({"arrays": promises, "info": info}))
        _flush(stream)


def _write_array(stream: io.BufferedWriter, array: Array) -> None:
    """As np.save does. It writes past the stream, and then cannot say why an array did not fit: on a full disk it must."""
    whole = np.asarray(array, order="C")
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(whole))
    stream.write(whole.reshape(-1).view(np.uint8).data)


def _flush(stream: io.BufferedWriter) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _replace_folder(aside: Path, target: Path, *, is_whole: Callable[[], bool]) -> None:
    """Give a written folder its name. What is not whole there is moved away first; a whole one of another writer stays."""
    for _ in range(3):
        try:
            aside.rename(target)
            return
        except OSError:
            if is_whole():
                return
            broken = aside.with_name(f"{aside.name}-broken")
            with contextlib.suppress(FileNotFoundError):
                target.rename(broken)
            shutil.rmtree(broken, ignore_errors=True)
    aside.rename(target)


def _mapped(path: Path, promise: Mapping[str, JSON]) -> Array:
    """A read-only view of an array file. Raises ValueError if it is not what was promised, OSError if it is not there."""
    if not ARRAY_NAME.fullmatch(path.stem) or path.stat().st_size != promise["bytes"]:
        raise ValueError("the file has another size than promised")
    mapped = 0 not in promise["shape"] and bool(promise["shape"])  # else there is nothing to map
    with ONE_HEADER:
        array: Array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    if not mapped:
        array.flags.writeable = False
    if array.dtype.str != promise["dtype"] or list(array.shape) != promise["shape"]:
        raise ValueError("the array has another form than promised")
    return array
