"""The guard: sizes and endings are checked before anything is allocated."""

import gzip
import io

import numpy as np
import pytest

from scanwright.errors import InputError, ResourceError, UnreadableFile, UsageError
from scanwright.io import guard


def test_require_file(tmp_path):
    good = tmp_path / "a"
    good.write_bytes(b"12345")
    assert guard.require_file(good) == 5
    with pytest.raises(UnreadableFile, match="folder"):
        guard.require_file(tmp_path)
    (tmp_path / "empty").touch()
    with pytest.raises(UnreadableFile, match="empty"):
        guard.require_file(tmp_path / "empty")
    with pytest.raises(InputError, match="no such file"):
        guard.require_file(tmp_path / "absent")
    with pytest.raises(InputError, match="no such file"):
        guard.require_file(good / "below a file")


@pytest.mark.parametrize("shape", [(0, 1), (-5, -5), (1 << 21, 1), (), (2**62, 2**62)])
def test_checked_bytes__impossible(tmp_path, shape):
    with pytest.raises(UnreadableFile, match="impossible size"):
        guard.checked_bytes(tmp_path, shape, np.uint8)


def test_checked_bytes__limits(tmp_path, monkeypatch):
    assert guard.checked_bytes(tmp_path, (3, 4, 5), np.int16) == 120
    with pytest.raises(UnreadableFile, match=r"at most 16 GiB"):
        guard.checked_bytes(tmp_path, (1 << 19, 1 << 19, 1 << 19), np.float64)
    monkeypatch.setattr(guard, "free_memory_bytes", lambda: 100)
    assert guard.checked_bytes(tmp_path, (3, 4, 5), np.int16) == 120  # too little to ask for
    with pytest.raises(ResourceError, match="memory"):
        guard.checked_bytes(tmp_path, (300, 400, 500), np.int16)


def test_as_unreadable(tmp_path):
    with (
        pytest.raises(UnreadableFile, match="cannot read this file") as caught,
        guard.as_unreadable(tmp_path, expected="a scan"),
    ):
        raise RuntimeError("first line\n   second line")
    assert (caught.value.found, caught.value.expected) == ("first line second line", "a scan")
    with pytest.raises(UsageError), guard.as_unreadable(tmp_path, expected="a scan"):
        raise UsageError("ours passes")
    with pytest.raises(ResourceError), guard.as_unreadable(tmp_path, expected="a scan"):
        raise MemoryError


def test_as_unreadable__a_panic_is_one_file_s_fault_and_an_ending_is_not(tmp_path):
    """Libraries in Rust raise what is no Exception; neither are Ctrl-C and an exit, which must get through."""
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
    with pytest.raises(UnreadableFile) as caught, guard.as_unreadable(tmp_path, expected="a scan"):
        raise panic("index out of bounds")
    assert caught.value.found == "index out of bounds"
    for ending in (KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(ending), guard.as_unreadable(tmp_path, expected="a scan"):
            raise ending


def opened_bytes(path, count, allowed=0):
    with guard.opened(path) as stream:
        data = guard.read_exactly(stream, count, path).tobytes()
        guard.require_end(stream, path, allowed=allowed)
        return data


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_read_exactly(tmp_path, pack):
    path = tmp_path / "a"
    path.write_bytes(pack(b"0123456789" * 1000))
    assert opened_bytes(path, 10000) == b"0123456789" * 1000
    with pytest.raises(UnreadableFile, match="goes on"):
        opened_bytes(path, 9990)
    assert len(opened_bytes(path, 9990, allowed=10)) == 9990
    with pytest.raises(UnreadableFile, match="truncated"):
        opened_bytes(path, 10001)


def test_read_exactly__no_allocation_for_an_impossible_promise(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(b"x"))
    with pytest.raises(UnreadableFile, match="too small"):
        opened_bytes(path, 1 << 50)


def test_require_end__checks_the_gzip_checksum(tmp_path):
    path, packed = tmp_path / "a", bytearray(gzip.compress(b"0123456789"))
    packed[-6] ^= 1
    path.write_bytes(packed)
    with pytest.raises(UnreadableFile, match="damaged"):
        opened_bytes(path, 10)


def test_read_exactly__a_bomb_ends_at_its_promise(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(200 << 20), compresslevel=1))
    with guard.opened(path) as stream:
        assert guard.read_exactly(stream, 1000, path).size == 1000
        with pytest.raises(UnreadableFile, match="goes on"):
            guard.require_end(stream, path, allowed=4096)
        assert isinstance(stream, gzip.GzipFile | io.BufferedReader)
        assert stream.tell() < 1 << 20
