"""`manifest.json`: the one member that names all others, with size and SHA-256, and itself through `digest`.

`digest` is the SHA-256 of the manifest's canonical JSON without that one key. It stands for every byte of the package
and is what a person compares, a registry files under and a signature signs. A signature will therefore be a member of
its own that the manifest does not cover; until there is one, a member that the manifest does not list is refused.

No time of making is kept, so the same content has the same digest wherever and whenever it is packed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scanwright.errors import IntegrityError
from scanwright.files import canonical_json, sha256_bytes, sha256_file
from scanwright.package.container import Container, Source

NAME = "manifest.json"
FORMAT = "scanwright-package"
FORMAT_VERSION = 1
MAX_BYTES = 1 << 20

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Seal(_Strict):
    """What one member must be: its length and the SHA-256 of its bytes."""

    bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Manifest(_Strict):
    """The manifest as read. `problem` is a name that the reader must know; `software` maps a package to its version."""

    format: Literal["scanwright-package"]
    format_version: Literal[1]
    created_by: str
    software: dict[str, str]
    problem: str
    members: dict[str, Seal]
    digest: Sha256


def build(members: Mapping[str, Source], *, problem: str, created_by: str, software: Mapping[str, str]) -> bytes:
    """The manifest's bytes for these members (which do not include it). Files are read once, in pieces."""
    body = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "created_by": created_by,
        "software": dict(software),
        "problem": problem,
        "members": {name: _seal(source) for name, source in members.items()},
    }
    return canonical_json({**body, "digest": sha256_bytes(canonical_json(body))})


def read(container: Container) -> Manifest:
    """The container's manifest, its own digest and its list of members checked; the members' hashes are not.

    Raises IntegrityError if it is absent, malformed, not canonical, of a newer format, or lists what is not there.
    """
    if NAME not in container.members or container.members[NAME].size > MAX_BYTES:
        raise _fault(container.path, expected=f"{NAME} of at most 1 MiB", found="none")
    manifest = _parse(container.read(NAME), container.path)
    _require_same_members(manifest, container)
    return manifest


def _seal(source: Source) -> dict[str, int | str]:
    if isinstance(source, bytes):
        return {"bytes": len(source), "sha256": sha256_bytes(source)}
    return {"bytes": source.stat().st_size, "sha256": sha256_file(source)}


def _parse(data: bytes, path: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole"
        if key == "format_version":
            raise _too_new(path, found=str(first["input"])[:40]) from None
        raise _fault(path, expected=f"a manifest with a valid {key}", found=first["msg"]) from None
    body = manifest.model_dump(mode="json")
    if canonical_json(body) != data:
        raise _fault(path, expected="the manifest in canonical JSON", found="another spelling of it")
    stated = body.pop("digest")
    if (found := sha256_bytes(canonical_json(body))) != stated:
        raise _fault(path, expected=f"digest {stated[:16]}…", found=f"{found[:16]}…")
    return manifest


def _require_same_members(manifest: Manifest, container: Container) -> None:
    listed, present = set(manifest.members), set(container.members) - {NAME}
    for name in sorted(listed ^ present):
        found = "it is not there" if name in listed else f"{name}, which the manifest does not list"
        raise _fault(container.path, expected=name if name in listed else "only members of the manifest", found=found)
    for name, seal in manifest.members.items():
        if seal.bytes != (size := container.members[name].size):
            raise _fault(container.path, expected=f"{seal.bytes} bytes in {name}", found=str(size))


def _fault(path: Path, *, expected: str, found: str) -> IntegrityError:
    return IntegrityError(
        "the package does not match its manifest",
        where=path,
        expected=expected,
        found=found,
        hint="Nothing of it was used. Copy it again from where it was made.",
    )


def _too_new(path: Path, *, found: str) -> IntegrityError:
    return IntegrityError(
        "the package is of another format version",
        where=path,
        expected=f"format_version {FORMAT_VERSION}",
        found=found,
        hint="Install the version of Scanwright that wrote it, or a later one.",
    )
