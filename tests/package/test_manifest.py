"""The manifest covers every member and itself, in one spelling."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import package_samples as samples
from scanwright.errors import IntegrityError
from scanwright.files import canonical_json
from scanwright.package import container, manifest


def read(path: Path) -> manifest.Manifest:
    return manifest.read(container.decode(path))


def test_build__by_hand() -> None:
    data = manifest.build({"a.md": b"abc"}, problem="segmentation", created_by="me 1", software={"torch": "2.13.0"})
    # SHA-256 of "abc" is the first example of FIPS 180-2.
    body = (
        b'{"created_by":"me 1",%b"format":"scanwright-package","format_version":1,'
        b'"members":{"a.md":{"bytes":3,"sha256":'
        b'"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}},"problem":"segmentation",'
        b'"software":{"torch":"2.13.0"}}'
    )
    digest = hashlib.sha256(body % b"").hexdigest().encode()
    assert data == body % (b'"digest":"' + digest + b'",')


def test_build__files_and_bytes_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    given = {"problem": "p", "created_by": "c", "software": {}}
    assert manifest.build({"a.md": b"abc"}, **given) == manifest.build({"a.md": tmp_path / "x"}, **given)


def test_read__what_was_built(tmp_path: Path) -> None:
    found = read(samples.write_package(tmp_path / "a.swm", samples.members()))
    assert (found.problem, found.software, found.created_by) == (
        "segmentation",
        {"torch": "2.13.0"},
        "scanwright 0.1.0",
    )
    assert {name: seal.bytes for name, seal in found.members.items()} == {
        k: len(v) for k, v in samples.members().items()
    }


def test_digest__differs_when_any_member_does() -> None:
    def digest(content: dict[str, bytes]) -> str:
        return str(json.loads(samples.sealed(samples.body_of(content)))["digest"])

    whole = samples.members()
    others = [{**whole, name: whole[name] + b" "} for name in whole]
    assert len({digest(content) for content in [whole, *others]}) == 1 + len(whole)


def test_read__no_manifest(tmp_path: Path) -> None:
    with (tmp_path / "a.swm").open("wb") as stream:
        container.encode(samples.members(), stream)
    with pytest.raises(IntegrityError, match=r"expected manifest\.json"):
        read(tmp_path / "a.swm")


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"format": "other"},
        {"created_by": 3},
        {"software": {"torch": 2}},
        {"problem": None},
        {"members": []},
        {"members": {"a.md": {"bytes": -1, "sha256": "0" * 64}}},
        {"members": {"a.md": {"bytes": "1", "sha256": "0" * 64}}},
        {"members": {"a.md": {"bytes": 1, "sha256": "0" * 63}}},
        {"members": {"a.md": {"bytes": 1, "sha256": "A" * 64}}},
        {"members": {"a.md": {"bytes": 1, "sha256": "0" * 64, "md5": "0"}}},
    ],
    ids=str,
)
def test_read__malformed(change: dict[str, Any], tmp_path: Path) -> None:
    content = samples.members()
    body = {**samples.body_of(content), **change}
    with pytest.raises(IntegrityError, match="does not match its manifest"):
        read(samples.write_package(tmp_path / "a.swm", content, manifest_bytes=samples.sealed(body)))


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b"\xff", b"{}", b"[" * 100_000])
def test_read__not_a_manifest(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError):
        read(samples.write_package(tmp_path / "a.swm", samples.members(), manifest_bytes=data))


def test_read__newer_format_says_what_to_do(tmp_path: Path) -> None:
    content = samples.members()
    body = {**samples.body_of(content), "format_version": 2}
    with pytest.raises(IntegrityError) as error:
        read(samples.write_package(tmp_path / "a.swm", content, manifest_bytes=samples.sealed(body)))
    assert "format_version 1, found 2" in str(error.value) and "Install the version" in str(error.value)


def test_read__another_spelling(tmp_path: Path) -> None:
    content = samples.members()
    spaced = json.dumps(json.loads(samples.sealed(samples.body_of(content)))).encode()
    twice = samples.sealed(samples.body_of(content)).replace(b'"problem":', b'"problem":"x","problem":')
    for data in (spaced, twice):
        with pytest.raises(IntegrityError, match="canonical JSON"):
            read(samples.write_package(tmp_path / "a.swm", content, manifest_bytes=data))


def test_read__another_digest(tmp_path: Path) -> None:
    content = samples.members()
    data = canonical_json({**samples.body_of(content), "digest": "0" * 64})
    with pytest.raises(IntegrityError, match="digest 0000000000000000…"):
        read(samples.write_package(tmp_path / "a.swm", content, manifest_bytes=data))


def test_read__members_added_removed_renamed_resized(tmp_path: Path) -> None:
    content = samples.members()
    listing = samples.sealed(samples.body_of(content))
    without = {name: data for name, data in content.items() if name != "card.md"}
    broken = {
        "model.md, which the manifest does not list": {**content, "model.md": b""},
        "expected card.md, found it is not there": without,
        "a.md, which the manifest does not list": {**without, "a.md": content["card.md"]},
        "bytes in card.md": {**content, "card.md": b"# Other"},
    }
    for pattern, changed in broken.items():
        with pytest.raises(IntegrityError, match=pattern):
            read(samples.write_package(tmp_path / "a.swm", changed, manifest_bytes=listing))


def test_read__a_signature_is_not_known_yet(tmp_path: Path) -> None:
    content = samples.members()
    listing = samples.sealed(samples.body_of(content))
    signed = {**content, "signature.json": b"{}"}
    with pytest.raises(IntegrityError, match=r"signature\.json, which the manifest does not list"):
        read(samples.write_package(tmp_path / "a.swm", signed, manifest_bytes=listing))
