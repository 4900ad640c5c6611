"""A small whole package, made by hand so that tests can break one thing of it at a time."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scanwright.files import canonical_json, sha256_bytes
from scanwright.package import container, manifest


def safetensors_bytes(header: Mapping[str, Any], data: bytes) -> bytes:
    """A safetensors file written by hand: length, JSON, data."""
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def weights_bytes() -> bytes:
    """Two tensors: "bias" of two float32 (1, 2) and "steps", one int64 (7)."""
    header = {
        "bias": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "steps": {"dtype": "I64", "shape": [], "data_offsets": [8, 16]},
    }
    return safetensors_bytes(header, bytes.fromhex("0000803f00000040 0700000000000000"))


def members() -> dict[str, bytes]:
    """Every member but the manifest."""
    return {
        "task.json": canonical_json({"name": "hippocampus"}),
        "plan.json": canonical_json({"batch": {"patch": [40, 56, 40]}}),
        "card.json": canonical_json({"tested_on": "52 cases"}),
        "metrics.json": canonical_json({"primary": "dice"}),
        "card.md": "# Karte\nForschung, kein Medizinprodukt · größe".encode(),
        "figures/curves.png": b"\x89PNG\r\n\x1a\n",
        "weights/fold_0.safetensors": weights_bytes(),
    }


def body_of(content: Mapping[str, bytes]) -> dict[str, Any]:
    """The manifest of `content`, without its digest, as plain data to be changed."""
    data = manifest.build(content, problem="segmentation", created_by="scanwright 0.1.0", software={"torch": "2.13.0"})
    body: dict[str, Any] = json.loads(data)
    del body["digest"]
    return body


def sealed(body: Mapping[str, Any]) -> bytes:
    """A manifest's bytes, whatever it says, with the digest that fits."""
    return canonical_json({**body, "digest": sha256_bytes(canonical_json(body))})


def write_package(path: Path, content: Mapping[str, bytes], *, manifest_bytes: bytes | None = None) -> Path:
    """Write an archive of `content` and its manifest (or the one given) with none of the packer's checks."""
    stream = io.BytesIO()
    listing = sealed(body_of(content)) if manifest_bytes is None else manifest_bytes
    container.encode({**content, manifest.NAME: listing}, stream)
    path.write_bytes(stream.getvalue())
    return path
