"""Is this package whole? Answered without torch, in one pass over its bytes.

In order: the archive is canonical, the manifest lists what is there and hashes to its own digest, every member hashes
to what the manifest says, and every member is what its suffix promises. Only then does anything else read it. That the
bytes come from someone trusted is another question, which a signature answers.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scanwright.errors import IntegrityError
from scanwright.files import canonical_json, sha256_bytes
from scanwright.package import container as archive
from scanwright.package import manifest as listing
from scanwright.package.container import Container
from scanwright.package.manifest import Manifest
from scanwright.package.tensors import MAX_HEADER, parse_header

REQUIRED = ("task.json", "plan.json", "card.json")
WEIGHTS, ARRAYS = "weights/", "arrays/"
"""Folders of safetensors files, and of nothing else: one for each model, and what a model is accompanied by."""
MAX_TEXT = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A package that was found whole: its manifest, its digest (64 hexadecimal digits), the archive to read from."""

    path: Path
    digest: str
    manifest: Manifest
    container: Container

    @property
    def members(self) -> tuple[str, ...]:
        """The names of all members but the manifest, sorted."""
        return tuple(sorted(self.manifest.members))

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the weights, such as "fold_0", sorted. More than one are an ensemble."""
        return tuple(Path(name).stem for name in self.members if name.startswith(WEIGHTS))

    def read(self, name: str) -> bytes:
        """All bytes of one member, hashed once more: raises IntegrityError if the file was replaced since."""
        data = self.container.read(name)
        _require_hash(self, name, sha256_bytes(data))
        return data


def verify(path: Path) -> Verified:
    """Prove that every byte of the package is what its manifest says.

    Raises InputError if there is no such file, IntegrityError if anything is cut, added, altered or in another form.
    """
    container = archive.decode(path)
    manifest = listing.read(container)
    verified = Verified(path=path, digest=manifest.digest, manifest=manifest, container=container)
    _require_members(verified)
    for name in verified.members:
        _require_hash(verified, name, _sha256(container, name))
        _require_content(container, name)
    return verified


def _require_members(verified: Verified) -> None:
    missing = [name for name in REQUIRED if name not in verified.manifest.members]
    if missing or not verified.models:
        raise _fault(verified.path, expected=f"{missing[0] if missing else WEIGHTS} in the package", found="none")
    for name in verified.members:
        inside = any(name.startswith(one) and "/" not in name.removeprefix(one) for one in (WEIGHTS, ARRAYS))
        if inside != name.endswith(".safetensors"):
            raise _fault(
                verified.path, expected=f"{WEIGHTS} and {ARRAYS} with safetensors files and nothing else", found=name
            )


def _sha256(container: Container, name: str) -> str:
    digest = hashlib.sha256()
    for piece in container.pieces(name):
        digest.update(piece)
    return digest.hexdigest()


def _require_hash(verified: Verified, name: str, found: str) -> None:
    expected = verified.manifest.members[name].sha256
    if found != expected:
        raise _fault(verified.path, expected=f"SHA-256 {expected[:16]}… of {name}", found=f"{found[:16]}…")


def _require_content(container: Container, name: str) -> None:
    """Each suffix has one check; the container lets no other suffix in."""
    try:
        CONTENT_CHECKS[Path(name).suffix](container, name)
    except ValueError as error:
        raise _fault(container.path, expected=f"{name} to be what its suffix says", found=str(error)[:200]) from error


def _check_safetensors(container: Container, name: str) -> None:
    stated = int.from_bytes(container.head(name, count=8), "little")
    head = container.head(name, count=8 + min(stated, MAX_HEADER))
    parse_header(head, size=container.members[name].size)


def _check_json(container: Container, name: str) -> None:
    """Canonical JSON only, so that no two readers can see two values: no double keys, no NaN, one spelling."""
    data = _small(container, name)
    try:
        value = json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(value, dict) or canonical_json(value) != data:
        raise ValueError("not one object in canonical JSON")


def _check_text(container: Container, name: str) -> None:
    _small(container, name).decode()


def _check_png(container: Container, name: str) -> None:
    if container.head(name, count=8) != b"\x89PNG\r\n\x1a\n":
        raise ValueError("no PNG signature")


def _small(container: Container, name: str) -> bytes:
    if container.members[name].size > MAX_TEXT:
        raise ValueError(f"text of more than {MAX_TEXT >> 20} MiB")
    return container.read(name)


def _fault(path: Path, *, expected: str, found: str) -> IntegrityError:
    return IntegrityError(
        "the package does not hold what it must",
        where=path,
        expected=expected,
        found=found,
        hint="Nothing of it was used. Copy it again from where it was made.",
    )


CONTENT_CHECKS: dict[str, Callable[[Container, str], None]] = {
    ".json": _check_json,
    ".safetensors": _check_safetensors,
    ".md": _check_text,
    ".html": _check_text,
    ".png": _check_png,
}
