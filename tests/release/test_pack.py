"""Packing: the same content gives the same bytes, and what is written was read back first."""

import errno
import hashlib
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from scanwright.errors import InputError, IntegrityError, ResourceError, UsageError
from scanwright.package.load import load
from scanwright.package.verify import verify
from scanwright.release import pack as release
from scanwright.release.pack import pack, pack_folder, unpack

TENSORS = {"conv.weight": torch.arange(12.0).reshape(3, 4), "steps": torch.tensor(7)}


def packed(path: Path, **changes: Any) -> str:
    given: dict[str, Any] = {
        "problem": "segmentation",
        "task": {"name": "hippocampus", "regions": [1, 2]},
        "plan": {"batch": {"patch": [40, 56, 40]}},
        "card": {"tested_on": "52 cases", "größe": 3.5},
        "weights": {"fold_0": TENSORS},
        "metrics": {"overall": {"dice": {"mean": 0.88, "n": 52}}},
        "reference": {"mean": [0.1]},
        "extra": {"card.md": b"# Card\n"},
    }
    return pack(path, **{**given, **changes})


def test_pack__comes_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "model.swm"
    digest = packed(path)
    package = load(path)
    assert package.digest == digest == verify(path).digest
    assert package.card == {"tested_on": "52 cases", "größe": 3.5}
    assert package.metrics == {"overall": {"dice": {"mean": 0.88, "n": 52}}}
    assert package.reference == {"mean": [0.1]}
    assert package.read("card.md") == b"# Card\n"
    found = package.weights("fold_0")
    assert all(torch.equal(found[name], tensor) for name, tensor in TENSORS.items())
    assert [file.name for file in path.parent.iterdir()] == ["model.swm"]


def test_pack__records_what_made_it(tmp_path: Path) -> None:
    packed(tmp_path / "model.swm")
    found = verify(tmp_path / "model.swm").manifest
    assert found.created_by.startswith("scanwright ")
    assert found.software["torch"] == torch.__version__
    assert found.software["python"].startswith("3.")


def test_pack__any_zip_tool_reads_it(tmp_path: Path) -> None:
    packed(tmp_path / "model.swm")
    with zipfile.ZipFile(tmp_path / "model.swm") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(archive.namelist())
        assert archive.read("card.md") == b"# Card\n"


def test_pack__same_content_same_bytes(tmp_path: Path) -> None:
    first = packed(tmp_path / "a.swm", weights={"fold_0": TENSORS, "fold_1": TENSORS})
    save_file(dict(reversed(TENSORS.items())), tmp_path / "weights.safetensors")
    second = packed(
        tmp_path / "b.swm",
        task={"regions": [1, 2], "name": "hippocampus"},
        weights={"fold_1": tmp_path / "weights.safetensors", "fold_0": tmp_path / "weights.safetensors"},
    )
    assert first == second
    assert (tmp_path / "a.swm").read_bytes() == (tmp_path / "b.swm").read_bytes()


def test_pack__tensors_as_training_has_them(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.arange(24.0).reshape(1, 2, 3, 4))
    tensors = {"last": weight.to(memory_format=torch.channels_last), "turned": weight[0].permute(2, 0, 1)}
    packed(tmp_path / "model.swm", weights={"fold_0": tensors})
    found = load(tmp_path / "model.swm").weights("fold_0")
    assert all(torch.equal(found[name], tensor) and not found[name].requires_grad for name, tensor in tensors.items())


@pytest.mark.parametrize(
    ("changes", "error", "pattern"),
    [
        ({"weights": {}}, IntegrityError, "expected weights/"),
        ({"weights": {"fold_0": {"w": torch.tensor([float("nan")])}}}, IntegrityError, "NaN or infinity in w"),
        ({"weights": {"Fold 0": TENSORS}}, UsageError, "not a name"),
        ({"weights": {"../fold_0": TENSORS}}, UsageError, "not a name"),
        ({"weights": {"fold_0": Path("absent.safetensors")}}, InputError, "no such file"),
        ({"extra": {"card.md": Path("absent.md")}}, InputError, "no such file"),
        ({"extra": {"model.pkl": b""}}, UsageError, "suffix not one of"),
        ({"extra": {"task.json": b"{}"}}, UsageError, "given twice"),
        ({"extra": {"manifest.json": b"{}"}}, UsageError, "given twice"),
        ({"extra": {"notes.json": b'{"a": 1}'}}, IntegrityError, "canonical JSON"),
        ({"extra": {"figure.png": b"GIF89a"}}, IntegrityError, "PNG"),
    ],
)
def test_pack__refused_and_the_old_package_is_left(
    changes: dict[str, Any], error: type[Exception], pattern: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.swm"
    packed(path)
    before = path.read_bytes()
    with pytest.raises(error, match=pattern) as caught:
        packed(path, **changes)
    assert ".swm." not in str(caught.value), "the folder aside is nobody's business"
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.swm"]


def test_pack__weights_that_are_no_safetensors(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(2)}, tmp_path / "weights.pt")
    with pytest.raises(IntegrityError, match="what its suffix says"):
        packed(tmp_path / "model.swm", weights={"fold_0": tmp_path / "weights.pt"})
    assert not (tmp_path / "model.swm").exists()


def test_pack__nan_in_metrics_is_our_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        packed(tmp_path / "model.swm", metrics={"dice": float("nan")})


def test_pack__disk_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(release.container, "encode", full)
    with pytest.raises(ResourceError, match="disk is full"):
        packed(tmp_path / "model.swm")
    assert list(tmp_path.iterdir()) == []


def test_pack__parent_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ResourceError, match="cannot write here"):
        packed(tmp_path / "taken" / "model.swm")


def test_folder__round_trip_is_byte_identical(tmp_path: Path) -> None:
    path = tmp_path / "model.swm"
    digest = packed(path)
    assert unpack(path, folder=tmp_path / "folder").digest == digest
    files = sorted(file.relative_to(tmp_path / "folder").as_posix() for file in (tmp_path / "folder").rglob("*.*"))
    assert files == zipfile.ZipFile(path).namelist()
    assert pack_folder(tmp_path / "folder", path=tmp_path / "again.swm") == digest
    assert (tmp_path / "again.swm").read_bytes() == path.read_bytes()


def test_unpack__folder_in_use(tmp_path: Path) -> None:
    packed(tmp_path / "model.swm")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("mine")
    for target in (tmp_path / "folder", tmp_path / "folder" / "mine.txt"):
        with pytest.raises(UsageError, match="not empty"):
            unpack(tmp_path / "model.swm", folder=target)
    assert (tmp_path / "folder" / "mine.txt").read_text() == "mine"


def test_unpack__altered_package_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.swm"
    packed(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityError):
        unpack(path, folder=tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def alter(folder: Path) -> None:
    (folder / "card.md").write_bytes(b"# CARD\n")


def remove(folder: Path) -> None:
    (folder / "card.md").unlink()


def add(folder: Path) -> None:
    (folder / "more.md").write_bytes(b"")


def drop_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def link(folder: Path) -> None:
    remove(folder)
    (folder / "card.md").symlink_to(folder / "manifest.json")


def add_hidden(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (alter, IntegrityError),
        (remove, IntegrityError),
        (add, IntegrityError),
        (drop_manifest, IntegrityError),
        (link, UsageError),
        (add_hidden, UsageError),
    ],
)
def test_pack_folder__changed_folder(change: Callable[[Path], None], error: type[Exception], tmp_path: Path) -> None:
    packed(tmp_path / "model.swm")
    unpack(tmp_path / "model.swm", folder=tmp_path / "folder")
    change(tmp_path / "folder")
    with pytest.raises(error):
        pack_folder(tmp_path / "folder", path=tmp_path / "again.swm")
    assert not (tmp_path / "again.swm").exists()


def test_pack_folder__no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        pack_folder(tmp_path / "folder", path=tmp_path / "model.swm")


def test_pack__large_weights_are_streamed(tmp_path: Path) -> None:
    # 64 MiB of weights from a file: the archive holds them once, byte for byte, behind their header.
    save_file({"w": torch.arange(1 << 24, dtype=torch.int32)}, tmp_path / "w.safetensors")
    packed(tmp_path / "model.swm", weights={"fold_0": tmp_path / "w.safetensors"})
    found = verify(tmp_path / "model.swm")
    member = found.container.members["weights/fold_0.safetensors"]
    with (tmp_path / "model.swm").open("rb") as stream:
        stream.seek(member.start)
        digest = hashlib.sha256(stream.read(member.size)).hexdigest()
    assert digest == hashlib.sha256((tmp_path / "w.safetensors").read_bytes()).hexdigest()
    shutil.rmtree(tmp_path)
