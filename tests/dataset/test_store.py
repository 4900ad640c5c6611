import errno
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from scanwright.dataset import store as module
from scanwright.dataset.store import Store
from scanwright.errors import IntegrityError, ResourceError

PARTS = {"content": ["a"], "plan": {"spacing": [1.0, 2.0]}}


def arrays():
    return {
        "image": np.random.default_rng(0).normal(size=(2, 5, 6, 7)).astype(np.float32),
        "codes": np.ones((5, 6, 7), np.uint8),
        "foreground": np.zeros((0, 4), np.int32),
        "flag": np.array(True),
    }


def files_of(store, key):
    return sorted(path.name for path in store.folder(key).iterdir())


def test_the_key_follows_the_content_and_not_the_order(tmp_path):
    key = Store.key(PARTS)
    assert key == Store.key(dict(reversed(PARTS.items())))
    assert key != Store.key({**PARTS, "plan": {"spacing": [1.0, 2.5]}})
    assert Store(tmp_path).folder(key) == tmp_path / key[:2] / key
    with pytest.raises(ValueError, match="JSON"):
        Store.key({"spacing": float("nan")})


def test_what_is_put_comes_back(tmp_path):
    store, key = Store(tmp_path / "new folder"), Store.key(PARTS)
    assert not store.has(key)
    store.put(key, arrays(), {"case": "ä"})
    assert store.has(key)
    entry = store.open(key)
    assert entry.info == {"case": "ä"}
    assert list(entry.arrays) == list(sorted(arrays()))
    for name, array in arrays().items():
        np.testing.assert_array_equal(entry.arrays[name], array)
        assert entry.arrays[name].dtype == array.dtype
    assert files_of(store, key) == ["codes.npy", "flag.npy", "foreground.npy", "image.npy", "info.json"]
    assert list(store.keys()) == [key]


def test_arrays_are_mapped_and_read_only(tmp_path):
    store, key = Store(tmp_path), Store.key(PARTS)
    store.put(key, arrays())
    entry = store.open(key)
    assert isinstance(entry.arrays["image"], np.memmap)
    for array in entry.arrays.values():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_views_are_stored_in_c_order(tmp_path):
    store, key = Store(tmp_path), Store.key(PARTS)
    turned = np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)
    store.put(key, {"image": turned})
    assert store.open(key).arrays["image"].flags.c_contiguous
    np.testing.assert_array_equal(store.open(key).arrays["image"], turned)


def test_an_absent_entry(tmp_path):
    with pytest.raises(IntegrityError, match="not there"):
        Store(tmp_path).open(Store.key(PARTS))


@pytest.mark.parametrize("key", ["", "../../etc", "ab" * 31, "AB" * 32, "a/" * 32])
def test_no_other_text_becomes_a_path(tmp_path, key):
    with pytest.raises(ValueError, match="64 hexadecimal"):
        Store(tmp_path).has(key)


def cut(path):
    path.write_bytes(path.read_bytes()[:-8])


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"x")


def other_type(path):
    np.save(path, np.ones((5, 6, 7), np.int8))


def other_shape(path):
    np.save(path, np.ones((6, 5, 7), np.uint8))


def with_pickle(path):
    size = path.stat().st_size
    with path.open("wb") as stream:
        np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    data = path.read_bytes()
    path.write_bytes(data[:size].ljust(size, b"\0"))


@pytest.mark.parametrize("harm", [cut, lengthen, Path.unlink, other_type, other_shape, with_pickle])
def test_a_harmed_array_makes_the_entry_absent_and_it_is_written_again(tmp_path, harm):
    store, key = Store(tmp_path), Store.key(PARTS)
    store.put(key, arrays())
    harm(store.folder(key) / "codes.npy")
    assert not store.has(key)
    with pytest.raises(IntegrityError):
        store.open(key)
    store.put(key, arrays())
    np.testing.assert_array_equal(store.open(key).arrays["codes"], 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"arrays": {"../../x": {"dtype": "<f4", "shape": [1], "bytes": 1}}, "info": 1}',
        '{"arrays": [1], "info": 1}',
        '{"arrays": {"codes": 3}, "info": 1}',
    ],
)
def test_a_harmed_record_makes_the_entry_absent(tmp_path, text):
    store, key = Store(tmp_path), Store.key(PARTS)
    store.put(key, arrays())
    (store.folder(key) / "info.json").write_text(text)
    assert not store.has(key)
    store.put(key, arrays())
    assert store.has(key)


def test_a_whole_entry_is_not_written_again(tmp_path):
    store, key = Store(tmp_path), Store.key(PARTS)
    store.put(key, arrays(), 1)
    before = (store.folder(key) / "image.npy").stat().st_mtime_ns
    store.put(key, arrays(), 2)
    assert (store.folder(key) / "image.npy").stat().st_mtime_ns == before
    assert store.open(key).info == 1


def test_a_writer_that_fails_leaves_nothing(tmp_path, monkeypatch):
    store, key = Store(tmp_path), Store.key(PARTS)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "_write_array", full)
    with pytest.raises(ResourceError, match="the disk is full") as told:
        store.put(key, arrays())
    assert told.value.hint == "Free some space and run the same command again."  # true of every verb
    assert not store.has(key)
    assert list(store.folder(key).parent.iterdir()) == []


def test_a_writer_that_is_killed_leaves_nothing_that_counts(tmp_path):
    """SIGKILL while an array is written: the key stays absent, sweep removes the rest, and the same put then works."""
    key = Store.key(PARTS)
    script = f"""
import os, signal
import numpy as np
from pathlib import Path
from scanwright.dataset import store
write = store._write_array
def deadly(stream, array):
    write(stream, array)
    stream.flush()
    if array.dtype == np.uint8:
        os.kill(os.getpid(), signal.SIGKILL)
store._write_array = deadly
arrays = {{"image": np.ones(9, np.float32), "codes": np.ones(9, np.uint8)}}
store.Store(Path({str(tmp_path)!r})).put({key!r}, arrays)
"""
    ended = subprocess.run([sys.executable, "-c", script], check=False)
    assert ended.returncode == -9
    store = Store(tmp_path)
    assert not store.has(key)
    assert store.sweep() == 1
    store.put(key, arrays())
    assert store.has(key)
    assert store.sweep() == 0


def test_put__disk_full(tmp_path):
    """The system refuses a file of more than 64 KiB: an error that names the place, and nothing left behind."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    store = Store(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(ResourceError, match="the disk is full"):
            store.put(Store.key(PARTS), {"image": np.ones(1 << 20, np.float32)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_many_writers_of_one_key(tmp_path):
    store, key = Store(tmp_path), Store.key(PARTS)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.put(key, arrays()), range(24)))
    assert store.has(key)
    assert store.sweep() == 0


def test_what_cannot_be_stored(tmp_path):
    store, key = Store(tmp_path), Store.key(PARTS)
    for name in ("Image", "../x", "a.b", ""):
        with pytest.raises(ValueError, match="plain word"):
            store.put(key, {name: np.zeros(3)})
    for array in (np.array([object()]), np.array(["a"]), np.zeros(2, complex)):
        with pytest.raises(ValueError, match="not numbers"):
            store.put(key, {"x": array})
    with pytest.raises(ValueError, match="JSON"):
        store.put(key, arrays(), {"mean": float("inf")})
    assert not store.has(key)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResourceError, match="cannot write here"):
        Store(tmp_path / "file").put(Store.key(PARTS), arrays())


def test_the_record_is_plain_json(tmp_path):
    store, key = Store(tmp_path), Store.key(PARTS)
    store.put(key, arrays(), {"case": "a"})
    record = json.loads((store.folder(key) / "info.json").read_text())
    assert record["arrays"]["codes"]["shape"] == [5, 6, 7]
    assert record["info"] == {"case": "a"}
