"""Write `model.swm`, and turn it into a folder and back.

A package is written aside, verified and loaded as its reader will, and only then renamed: what is there under the name
is a whole package or the one that was there before. The folder form holds the same members as plain files, so that
other tools (the OpenSSF model-signing tool, a diff) can work on it; packing the folder gives the same bytes again.
"""

import contextlib
import platform
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from scanwright.errors import InputError, IntegrityError, UsageError
from scanwright.files import as_resource_error, canonical_json, writing
from scanwright.package import container, manifest
from scanwright.package.container import Source
from scanwright.package.load import load
from scanwright.package.verify import WEIGHTS, Verified, verify

if TYPE_CHECKING:
    import torch

Weights: TypeAlias = "Path | Mapping[str, torch.Tensor]"

SOFTWARE = ("torch", "numpy", "scipy", "safetensors")


def pack(
    path: Path,
    *,
    problem: str,
    task: Mapping[str, Any],
    plan: Mapping[str, Any],
    card: Mapping[str, Any],
    weights: Mapping[str, Weights],
    metrics: Mapping[str, Any] | None = None,
    reference: Mapping[str, Any] | None = None,
    extra: Mapping[str, Source] | None = None,
) -> str:
    """Write a package in one atomic step and return its digest, 64 hexadecimal digits.

    weights: for each model ("fold_0") a safetensors file, or its tensors by name. Finite values only.
    extra: further members, as bytes or files: card.md, report.html, figures/*.png, JSON objects in canonical form.
    The same content gives the same bytes. Raises UsageError for a name that cannot be a member's or is given twice,
    InputError if a file is absent, IntegrityError if the content would not verify, ResourceError if the disk is full.
    """
    objects = {"task": task, "plan": plan, "card": card, "metrics": metrics, "reference": reference}
    members: dict[str, Source] = {
        f"{name}.json": canonical_json(value) for name, value in objects.items() if value is not None
    }
    with _aside(path) as aside:
        for model, tensors in weights.items():
            members[f"{WEIGHTS}{model}.safetensors"] = _weights_file(tensors, aside / f"{len(members)}.safetensors")
        _add_extra(members, extra or {})
        members[manifest.NAME] = manifest.build(
            members, problem=problem, created_by=f"scanwright {version('scanwright')}", software=_software()
        )
        return _write(path, members, aside=aside)


def unpack(path: Path, *, folder: Path) -> Verified:
    """Verify a package and write its members as files of a new or empty folder, the manifest among them.

    Raises UsageError if the folder holds anything, and what `verify` raises before anything is written.
    """
    verified = verify(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("the folder is not empty", where=folder, hint="Give the path of a new folder.")
    for name in verified.container.members:
        with writing(folder / name) as stream:
            for piece in verified.container.pieces(name):
                stream.write(piece)
    return verified


def pack_folder(folder: Path, *, path: Path) -> str:
    """Pack a folder that `unpack` wrote, byte for byte the same package, and return its digest.

    Raises InputError if there is no such folder, UsageError for a link or a name that no package may hold, and
    IntegrityError if a file is missing, added or not what the manifest in the folder says.
    """
    if not folder.is_dir():
        raise InputError("no such folder", where=folder, hint="Give a folder that was made by unpacking a package.")
    members: dict[str, Source] = {}
    for file in sorted(folder.rglob("*")):
        if file.is_symlink() or not (file.is_file() or file.is_dir()):
            raise UsageError("a package holds plain files only", where=file, found="a link or a device")
        if file.is_file():
            members[file.relative_to(folder).as_posix()] = file
    with _aside(path) as aside:
        return _write(path, members, aside=aside)


@contextlib.contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """A folder beside `path`, on the same disk so that a rename is one step, gone when the block ends."""
    with as_resource_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=f".{path.name[:80]}.", dir=path.parent)
    with folder as name:
        yield Path(name)


def _weights_file(tensors: Weights, target: Path) -> Path:
    """The safetensors file of one model: the one given, or one written from its tensors."""
    if isinstance(tensors, Path):
        _require_file(tensors)
        return tensors
    from safetensors.torch import save_file

    with as_resource_error(target):
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, target)
    return target


def _add_extra(members: dict[str, Source], extra: Mapping[str, Source]) -> None:
    for name, source in extra.items():
        if name in members or name == manifest.NAME:
            raise UsageError("a member is given twice", where=name, hint="Give the extra member another name.")
        if isinstance(source, Path):
            _require_file(source)
        members[name] = source


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise InputError("no such file to pack", where=path)


def _software() -> dict[str, str]:
    """Versions of what computed the content, as far as installed. Read without importing any of it."""
    found = {"python": platform.python_version()}
    for name in SOFTWARE:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _write(path: Path, members: Mapping[str, Source], *, aside: Path) -> str:
    """Write, read back as a user's machine will, rename."""
    draft = aside / "draft.swm"
    with writing(draft) as stream:
        container.encode(members, stream)
    try:
        package = load(draft)
        for model in package.models:
            package.weights(model)
    except IntegrityError as error:
        error.where = path
        error.hint = "Nothing was written."
        raise
    with as_resource_error(path):
        draft.replace(path)
    return package.digest
