"""NumPy archives (.npz): arrays of pictures or volumes, many images in one file, such as MedMNIST's.

    (N, H, W)  (N, H, W, 1)     grey pictures        (N, H, W, 3)     colour
    (N, D, H, W)                volumes without a place in space; a last axis of 1 or 3 is always colour

Nothing is unpickled. What the zip directory and the array's own header promise is compared before anything is allocated, and
no more than that is decompressed. An array is read whole the first time that one of its images is wanted, since a compressed
one has no way in but from its start, and the last few stay in memory.
Source: numpy.lib.format, versions 1 to 3; a picture's axes lie as in `raster`.
"""

import contextlib
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from scanwright.errors import InputError, UnreadableFile
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.guard import as_unreadable, checked_bytes, read_exactly, require_end, require_file
from scanwright.io.header import Header
from scanwright.io.source import ArrayItem
from scanwright.types import Array

SUFFIX = ".npz"
EXPECTED = "a NumPy archive (.npz)"
KEPT_BYTES = 1 << 30  # MedMNIST at 28 x 28 has up to 250 MB an array; at 224 x 224 an array alone has more than this
MAX_ARRAYS = 1024
MAX_HEADER_BYTES = 1 << 16
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
COLOURS = (1, 3)


@dataclass(frozen=True, slots=True)
class Promise:
    """What an array's header says. rows_first: C order; otherwise Fortran's."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rows_first: bool

    @property
    def nbytes(self) -> int:
        """The bytes of its values."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


def is_archive(path: Path) -> bool:
    """Whether the name is a NumPy archive's and not hidden. The file is not looked at."""
    return path.suffix.lower() == SUFFIX and not path.name.startswith(".")


def read_headers(path: Path) -> dict[str, Promise]:
    """Shape and number type of every array, by key, without reading any. Raises UnreadableFile if one is not as said above."""
    with _opened(path) as packed:
        return {_key(member): _promise(packed, member, path) for member in packed.infolist()}


def read_array(path: Path, key: str) -> Array:
    """A whole array, read-only; from memory if it was read before and the file has not changed since.

    Raises InputError if there is none of that key, UnreadableFile if it is damaged, ResourceError if it does not fit.
    """
    require_file(path)
    status = path.stat()
    return _KEPT.array((path, status.st_mtime_ns, status.st_size, key))


def read_header(item: ArrayItem) -> Header:
    """Grid, channels and number type of one image. Raises as `read`."""
    with _opened(item.path) as packed:
        found = _promise(packed, _member(packed, item.path, item.key), item.path)
    shape_CIJK = _image_shape(found, item)
    return Header(_grid(shape_CIJK), shape_CIJK[0], found.dtype.newbyteorder("="))


def read(item: ArrayItem) -> Volume:
    """One image as a volume: (C, columns, rows, 1) of a picture, (1, W, H, D) of a volume; in pixels.

    Raises InputError if there is no such array or item or it holds no images, UnreadableFile if the file is damaged.
    """
    array = read_array(item.path, item.key)
    shape_CIJK = _image_shape(Promise(array.shape, array.dtype, True), item)
    image = np.array(array[item.index])  # a copy: a volume must not keep the whole array in memory
    is_flat = shape_CIJK[3] == 1
    voxels = image.reshape(*image.shape[:2], shape_CIJK[0]).transpose(2, 1, 0)[..., None] if is_flat else image.T[None]
    return Volume(voxels, _grid(shape_CIJK))


def _image_shape(found: Promise, item: ArrayItem) -> tuple[int, int, int, int]:
    """(C, I, J, K) of one image of an array."""
    shape = found.shape
    if not 3 <= len(shape) <= 4 or found.dtype.kind not in "uif":
        raise InputError(
            f"the array {item.key} holds no images",
            where=item.path,
            expected="numbers of shape (N, H, W), (N, H, W, 3) or (N, D, H, W)",
            found=f"{found.dtype} of shape {shape}",
        )
    if not 0 <= item.index < shape[0]:
        message = f"the array {item.key} has no such image"
        raise InputError(message, where=item.path, expected=f"0 to {shape[0] - 1}", found=item.index)
    if len(shape) == 3 or shape[3] in COLOURS:
        return (*shape[3:4], shape[2], shape[1], 1) if len(shape) == 4 else (1, shape[2], shape[1], 1)
    return 1, shape[3], shape[2], shape[1]


def _grid(shape_CIJK: tuple[int, int, int, int]) -> Grid:
    picture = Grid.of_pixels(shape_CIJK[1], shape_CIJK[2])
    return picture if shape_CIJK[3] == 1 else Grid(shape_CIJK[1:], picture.affine, "px")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    require_file(path)
    with as_unreadable(path, expected=EXPECTED), zipfile.ZipFile(path) as packed:
        if len(packed.infolist()) > MAX_ARRAYS:
            found = f"{len(packed.infolist())} arrays"
            raise UnreadableFile("too many arrays", where=path, expected=f"at most {MAX_ARRAYS}", found=found)
        yield packed


def _key(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(".npy")


def _member(packed: zipfile.ZipFile, path: Path, key: str) -> zipfile.ZipInfo:
    keys = {_key(member): member for member in packed.infolist()}
    if key not in keys:
        found = ", ".join(list(keys)[:8]) or "no array"
        raise InputError("no such array in this archive", where=path, expected=key, found=found)
    return keys[key]


def _promise(packed: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> Promise:
    """The header of one array, as far as it can be true."""
    with _unpacked(packed, member, path) as stream:
        return _read_promise(stream, member, path)


@contextlib.contextmanager
def _unpacked(packed: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> Iterator[IO[bytes]]:
    if member.compress_type not in PACKINGS or member.flag_bits & 1:
        found = f"{member.filename}, packed in another way"
        raise UnreadableFile("not packed as NumPy does", where=path, expected="stored or deflated arrays", found=found)
    with packed.open(member) as stream:
        yield stream


def _read_promise(stream: IO[bytes], member: zipfile.ZipInfo, path: Path) -> Promise:
    """Read a header and hold it against the zip directory. The stream stands at the first value after it."""
    version = np.lib.format.read_magic(stream)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, in_columns, dtype = reader(stream, max_header_size=MAX_HEADER_BYTES)
    found = Promise(shape, dtype, not in_columns)
    if dtype.hasobject:
        raise UnreadableFile("an array of Python objects, which is never read", where=path, found=member.filename)
    if 0 not in shape and shape:
        checked_bytes(path, shape, dtype)
    if stream.tell() + found.nbytes != member.file_size:
        raise UnreadableFile(
            "the archive contradicts itself",
            where=path,
            expected=f"{found.nbytes} bytes of {member.filename}",
            found=f"{member.file_size - stream.tell()}",
        )
    return found


def _load(path: Path, key: str) -> Array:
    with _opened(path) as packed:
        member = _member(packed, path, key)
        with _unpacked(packed, member, path) as stream:
            found = _read_promise(stream, member, path)
            values = read_exactly(stream, found.nbytes, path, packed=member.compress_size)
            require_end(stream, path)  # and with it the checksum
    array = values.view(found.dtype).reshape(found.shape, order="C" if found.rows_first else "F")
    native = array.astype(found.dtype.newbyteorder("="), copy=False)
    native.flags.writeable = False
    return native


Place = tuple[Path, int, int, str]


@dataclass(kw_only=True)
class Kept:
    """The arrays read last, up to `limit` bytes; one that is larger stays alone. One thread reads at a time."""

    limit: int
    arrays: OrderedDict[Place, Array] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def array(self, place: Place) -> Array:
        """The array of (path, time, size, key), read if it is not there."""
        with self.lock:
            if place not in self.arrays:
                self.arrays[place] = _load(place[0], place[3])
            self.arrays.move_to_end(place)
            while len(self.arrays) > 1 and sum(array.nbytes for array in self.arrays.values()) > self.limit:
                self.arrays.popitem(last=False)
            return self.arrays[place]


_KEPT = Kept(limit=KEPT_BYTES)
