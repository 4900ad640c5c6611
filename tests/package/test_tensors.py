"""Our reading of safetensors headers: equal to the library's on what it writes, stricter on what it might swallow."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from package_samples import safetensors_bytes, weights_bytes
from scanwright.package.tensors import ITEM_BYTES, MAX_HEADER, TensorInfo, parse_header

F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def parse(data: bytes) -> dict[str, TensorInfo]:
    return parse_header(data, size=len(data))


def test_parse__by_hand() -> None:
    assert parse(weights_bytes()) == {"bias": TensorInfo("F32", (2,), 0, 8), "steps": TensorInfo("I64", (), 8, 16)}


def test_parse__what_the_library_writes() -> None:
    arrays = {"b": np.zeros((2, 3), np.float32), "a": np.ones(5, np.int64), "none": np.zeros((0, 4), np.uint8)}
    data = save(arrays, metadata={"made": "here"})
    found = parse(data)
    assert {name: info.shape for name, info in found.items()} == {"b": (2, 3), "a": (5,), "none": (0, 4)}
    assert {name: info.dtype for name, info in found.items()} == {"b": "F32", "a": "I64", "none": "U8"}


def test_parse__no_tensor() -> None:
    assert parse(safetensors_bytes({}, b"")) == {}


@pytest.mark.parametrize(
    ("header", "data", "fault"),
    [
        ({"a": F32}, b"\0" * 7, "tensors fill 8 of 7"),
        ({"a": F32}, b"\0" * 9, "tensors fill 8 of 9"),
        ({"a": {**F32, "data_offsets": [1, 9]}}, b"\0" * 9, "begins at 1, not at 0"),
        ({"a": F32, "b": F32}, b"\0" * 8, "begins at 0, not at 8"),
        ({"a": F32, "b": {**F32, "data_offsets": [4, 12]}}, b"\0" * 12, "begins at 4, not at 8"),
        ({"a": {**F32, "shape": [3]}}, b"\0" * 8, "8 bytes for F32"),
        ({"a": {**F32, "data_offsets": [8, 0]}}, b"\0" * 8, "-8 bytes"),
        ({"a": {**F32, "shape": [-2]}}, b"\0" * 8, "no valid shape"),
        ({"a": {**F32, "shape": [2.0]}}, b"\0" * 8, "no valid shape"),
        ({"a": {**F32, "shape": [True, 2]}}, b"\0" * 8, "no valid shape"),
        ({"a": {**F32, "shape": [2] + [1] * 8}}, b"\0" * 8, "no valid shape"),
        ({"a": {**F32, "shape": 2}}, b"\0" * 8, "no valid shape"),
        ({"a": {**F32, "data_offsets": [0, 4, 8]}}, b"\0" * 8, "no valid offsets"),
        ({"a": {**F32, "dtype": "F8_E4M3"}}, b"\0" * 8, "type 'F8_E4M3'"),
        ({"a": {**F32, "dtype": ["F32"]}}, b"\0" * 8, "has type"),
        ({"a": {**F32, "code": "x"}}, b"\0" * 8, "not exactly"),
        ({"a": [0, 8]}, b"\0" * 8, "not exactly"),
        ({"__metadata__": {"a": 1}}, b"", "not a map of texts"),
        ({"__metadata__": "text"}, b"", "not a map of texts"),
    ],
)
def test_parse__refused(header: dict[str, Any], data: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse(safetensors_bytes(header, data))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b'{"a": %b, "a": %b}', "twice"),
        (b'{"a": {"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', "twice"),
        (b" {}", "brace"),
        (b"[]", "brace"),
        (b"", "brace"),
        (b'{"a":' * 200_000, "deep"),
        (b'{"\xff": 1}', "utf-8"),
        (b'{"a": NaN}', "not exactly"),
        (b"{", "Expecting"),
    ],
)
def test_parse__refused_texts(text: bytes, fault: str) -> None:
    entry = json.dumps(F32).encode()
    text = text % (entry, entry) if b"%b" in text else text
    with pytest.raises(ValueError, match=fault):
        parse(len(text).to_bytes(8, "little") + text + b"\0" * 8)


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 7, b"\xff" * 8, b"\x10" + b"\0" * 7 + b"{}", (2**63).to_bytes(8, "little")]
)
def test_parse__refused_lengths(data: bytes) -> None:
    with pytest.raises(ValueError, match="header of"):
        parse(data)


def test_parse__header_beyond_the_limit() -> None:
    with pytest.raises(ValueError, match=f"header of {MAX_HEADER + 1}"):
        parse_header((MAX_HEADER + 1).to_bytes(8, "little"), size=1 << 40)


def test_parse__head_too_short() -> None:
    with pytest.raises(ValueError, match="only 20 bytes"):
        parse_header(weights_bytes()[:20], size=len(weights_bytes()))


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 20), st.sampled_from([*ITEM_BYTES, "F4"]), st.text(max_size=3)
)
ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.one_of(st.sampled_from(["F32", "U8", "BF16"]), VALUES),
        "shape": st.one_of(st.lists(st.integers(-1, 3), max_size=3), VALUES),
        "data_offsets": st.one_of(st.lists(st.integers(-1, 24), min_size=2, max_size=2), VALUES),
    }
)


@given(st.dictionaries(st.sampled_from(["a", "b", "__metadata__"]), st.one_of(ENTRIES, VALUES)), st.integers(0, 24))
def test_law__what_we_accept_the_library_reads(header: dict[str, Any], size: int) -> None:
    data = safetensors_bytes(header, b"\1" * size)
    try:
        ours = parse(data)
    except ValueError:
        return
    theirs = dict(deserialize(data))
    assert {name: info.shape for name, info in ours.items()} == {name: tuple(t["shape"]) for name, t in theirs.items()}


def test_law__every_shorter_file_is_refused_by_both() -> None:
    whole = weights_bytes()
    for size in range(len(whole)):
        with pytest.raises(ValueError):
            parse(whole[:size])
        with pytest.raises(SafetensorError):
            deserialize(whole[:size])
