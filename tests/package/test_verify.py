"""One byte off, anywhere, and the package is refused: exit 3, with what was expected and what was found."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

import package_samples as samples
from scanwright.errors import InputError, IntegrityError
from scanwright.files import canonical_json
from scanwright.package.container import decode
from scanwright.package.verify import verify


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return samples.write_package(tmp_path / "model.swm", samples.members())


def refused(path: Path, data: bytes) -> IntegrityError:
    """Write `data` and return the error; fail if it verifies."""
    path.write_bytes(data)
    with pytest.raises(IntegrityError) as error:
        verify(path)
    assert error.value.expected and error.value.found and error.value.hint and error.value.where == path
    assert 2 <= len(error.value.lines()) <= 3
    return error.value


def test_verify__whole(whole: Path) -> None:
    found = verify(whole)
    assert found.digest == json.loads(found.container.read("manifest.json"))["digest"]
    assert found.models == ("fold_0",)
    assert found.members == tuple(sorted(samples.members()))
    assert {name: found.read(name) for name in found.members} == samples.members()


def test_verify__every_single_byte(whole: Path) -> None:
    data = whole.read_bytes()
    draw = random.Random(0)
    for at in range(len(data)):
        refused(whole, data[:at] + bytes([data[at] ^ draw.randrange(1, 256)]) + data[at + 1 :])
    for at in draw.sample(range(len(data)), 200):
        refused(whole, data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :])


def test_verify__cut_anywhere(whole: Path) -> None:
    data = whole.read_bytes()
    for stop in range(len(data)):
        refused(whole, data[:stop])


def test_verify__cut_in_half_says_so(whole: Path) -> None:
    data = whole.read_bytes()
    error = refused(whole, data[: len(data) // 2])
    assert error.lines() == [
        f"the package is cut, extended or altered: {whole}",
        f"expected the archive's closing record as its last 22 bytes, found {len(data) // 2} bytes that end otherwise",
        "Nothing of it was used. Copy it again from where it was made.",
    ]


def test_verify__extended(whole: Path) -> None:
    data = whole.read_bytes()
    for more in (b"\0", b"\n", data[-22:], data, b"PK\x05\x06" + b"\0" * 18):
        refused(whole, data + more)
        refused(whole, more + data)
    for at in random.Random(1).sample(range(len(data)), 100):
        refused(whole, data[:at] + b"\0" + data[at:])
        refused(whole, data[:at] + data[at + 1 :])


def test_verify__checksums_repaired_by_the_one_who_altered(whole: Path) -> None:
    # The archive is canonical again, CRC-32 included; only the SHA-256 of the manifest is left to tell.
    content = samples.members()
    listing = samples.sealed(samples.body_of(content))
    for name, data in content.items():
        altered = {**content, name: data[:-1] + bytes([data[-1] ^ 1])}
        path = samples.write_package(whole, altered, manifest_bytes=listing)
        decode(path)
        with pytest.raises(IntegrityError, match=f"SHA-256 .* of {name}"):
            verify(path)


def test_verify__two_members_exchanged(whole: Path) -> None:
    content = samples.members()
    listing = samples.sealed(samples.body_of({**content, "a.md": b"one", "b.md": b"two"}))
    with pytest.raises(IntegrityError, match=r"SHA-256 .* of a.md"):
        verify(samples.write_package(whole, {**content, "a.md": b"two", "b.md": b"one"}, manifest_bytes=listing))


@pytest.mark.parametrize("missing", ["task.json", "plan.json", "card.json", "weights/fold_0.safetensors"])
def test_verify__without_what_a_model_needs(missing: str, tmp_path: Path) -> None:
    content = {name: data for name, data in samples.members().items() if name != missing}
    with pytest.raises(IntegrityError, match="does not hold what it must"):
        verify(samples.write_package(tmp_path / "a.swm", content))


def test_verify__optional_members(tmp_path: Path) -> None:
    content = samples.members()
    for name in ("metrics.json", "card.md", "figures/curves.png"):
        del content[name]
    content["weights/fold_1.safetensors"] = samples.weights_bytes()
    assert verify(samples.write_package(tmp_path / "a.swm", content)).models == ("fold_0", "fold_1")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("metrics.json", b"{"),
        ("metrics.json", b"{ }"),
        ("metrics.json", b"{}\n"),
        ("metrics.json", b"[]"),
        ("metrics.json", b'{"a":1,"a":2}'),
        ("metrics.json", b'{"a":NaN}'),
        ("metrics.json", b'{"a":1e999}'),
        ("metrics.json", b'{"b":1,"a":2}'),
        ("metrics.json", b'{"a":"\\ud800"}'),
        ("metrics.json", b'{"a":"\xff"}'),
        ("metrics.json", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        ("metrics.json", b'{"a":' + b"9" * 5000 + b"}"),
        ("card.md", b"\xff\xfe"),
        ("report.html", b"\xff"),
        ("figures/curves.png", b"<svg>"),
        ("figures/curves.png", b""),
        ("weights/fold_0.safetensors", b""),
        ("weights/fold_0.safetensors", b"\x80\x04\x95 a pickle"),
        ("weights/fold_0.safetensors", samples.weights_bytes() + b"\0"),
        ("weights/fold_0.safetensors", samples.weights_bytes()[:-1]),
        ("weights/notes.md", b"text"),
        ("weights/deep/fold_0.safetensors", samples.weights_bytes()),
        ("other.safetensors", samples.weights_bytes()),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:12]),
)
def test_verify__sealed_but_not_what_the_suffix_says(name: str, data: bytes, tmp_path: Path) -> None:
    path = samples.write_package(tmp_path / "a.swm", {**samples.members(), name: data})
    with pytest.raises(IntegrityError, match="does not hold what it must") as error:
        verify(path)
    assert name in str(error.value)


def test_verify__float_spellings_that_python_writes_itself(tmp_path: Path) -> None:
    value = {"a": [0.1, 1e-300, 1e22, -0.0, 1.0, 3, None, True, "é"], "": {}}
    content = {**samples.members(), "metrics.json": canonical_json(value)}
    assert json.loads(verify(samples.write_package(tmp_path / "a.swm", content)).read("metrics.json")) == value


def test_read__replaced_after_verifying(whole: Path) -> None:
    found = verify(whole)
    content = samples.members()
    samples.write_package(whole, {**content, "card.md": content["card.md"][::-1]})
    with pytest.raises(IntegrityError):
        found.read("card.md")


def test_verify__no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        verify(tmp_path / "model.swm")
    assert error.value.exit_code == 4


def test_verify__without_torch() -> None:
    code = "import sys, scanwright.package.load; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
