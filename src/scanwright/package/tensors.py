"""The head of a safetensors file, read by our own rules before any library sees it.

    8 bytes   length N of the header, little-endian
    N bytes   JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, "__metadata__": {…}}
    the rest  the tensors' bytes, end to end

Refused besides what the format forbids: a key given twice (readers disagree on which counts), gaps and overlaps (room
to hide in), types that no network here has, and headers over 16 MiB.
Source: the format's description, README of huggingface/safetensors.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
MAX_HEADER = 16 << 20
MAX_RANK = 8


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of the file: its type's name, its shape, and where its bytes lie behind the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def parse_header(head: bytes, *, size: int) -> dict[str, TensorInfo]:
    """The tensors of a safetensors file, from its first bytes (at least the header) and its length in bytes.

    Raises ValueError, saying what is wrong, if the header is not exactly what the format and the rules above ask for.
    """
    length = int.from_bytes(head[:8], "little")
    if size < 8 or length > min(size - 8, MAX_HEADER):
        raise ValueError(f"header of {length} bytes in a file of {size}")
    if len(head) < 8 + length:
        raise ValueError(f"only {len(head)} bytes of a header of {8 + length}")
    entries = _load(head[8 : 8 + length])
    _check_metadata(entries.pop("__metadata__", {}))
    tensors = {name: _tensor(name, entry) for name, entry in entries.items()}
    _check_cover(tensors, size=size - 8 - length)
    return tensors


def _load(text: bytes) -> dict[str, Any]:
    if not text.startswith(b"{"):
        raise ValueError("header does not begin with a brace")
    try:
        return dict(json.loads(text.decode(), object_pairs_hook=_unique))
    except RecursionError as error:
        raise ValueError("header is nested too deep") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is given twice")
    return value


def _check_metadata(value: Any) -> None:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError("__metadata__ is not a map of texts")


def _tensor(name: str, entry: Any) -> TensorInfo:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name!r} has not exactly dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise ValueError(f"{name!r} has type {dtype!r}")
    if not _are_counts(shape) or len(shape) > MAX_RANK:
        raise ValueError(f"{name!r} has no valid shape")
    if not _are_counts(offsets) or len(offsets) != 2:
        raise ValueError(f"{name!r} has no valid offsets")
    begin, end = offsets
    if end - begin != math.prod(shape) * ITEM_BYTES[dtype]:
        raise ValueError(f"{name!r} has {end - begin} bytes for {dtype} {shape}")
    return TensorInfo(dtype, tuple(shape), begin, end)


def _are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _check_cover(tensors: Mapping[str, TensorInfo], *, size: int) -> None:
    """The tensors lie end to end and fill the data section."""
    at = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if tensor.begin != at:
            raise ValueError(f"{name!r} begins at {tensor.begin}, not at {at}")
        at = tensor.end
    if at != size:
        raise ValueError(f"tensors fill {at} of {size} bytes")
