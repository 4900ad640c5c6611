"""A package as a value; weights only when asked for, and only finite ones."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

import package_samples as samples
from scanwright.errors import IntegrityError, UsageError
from scanwright.package.load import load


def with_weights(path: Path, **models: bytes) -> Path:
    content = {name: data for name, data in samples.members().items() if not name.startswith("weights/")}
    weights = {f"weights/{model}.safetensors": data for model, data in models.items()}
    return samples.write_package(path, {**content, **weights})


def test_load__fields(tmp_path: Path) -> None:
    package = load(samples.write_package(tmp_path / "model.swm", samples.members()))
    assert package.problem == "segmentation"
    assert package.task == {"name": "hippocampus"}
    assert package.plan == {"batch": {"patch": [40, 56, 40]}}
    assert package.card == {"tested_on": "52 cases"}
    assert package.metrics == {"primary": "dice"}
    assert package.reference is None
    assert package.models == ("fold_0",)
    assert package.digest == json.loads(package.source.container.read("manifest.json"))["digest"]
    assert package.read("card.md").decode().startswith("# Karte")
    with pytest.raises(UsageError, match="no such member"):
        package.read("card.pdf")


def test_weights__by_hand(tmp_path: Path) -> None:
    tensors = load(samples.write_package(tmp_path / "model.swm", samples.members())).weights("fold_0")
    assert tensors["bias"].tolist() == [1.0, 2.0] and tensors["bias"].dtype == torch.float32
    assert tensors["steps"].item() == 7 and tensors["steps"].dtype == torch.int64


def test_weights__an_ensemble_of_several_types(tmp_path: Path) -> None:
    first = {"w": torch.arange(6.0).reshape(2, 3), "half": torch.tensor([0.5], dtype=torch.bfloat16)}
    second = {"w": -first["w"], "mask": torch.tensor([True, False]), "empty": torch.zeros(0, 3)}
    package = load(with_weights(tmp_path / "model.swm", fold_0=save(first), fold_1=save(second)))
    assert package.models == ("fold_0", "fold_1")
    for model, tensors in zip(package.models, (first, second), strict=True):
        found = package.weights(model)
        assert found.keys() == tensors.keys()
        assert all(
            torch.equal(found[name], tensors[name]) and found[name].dtype == tensors[name].dtype for name in found
        )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_weights__not_finite(value: float, dtype: torch.dtype, tmp_path: Path) -> None:
    package = load(
        with_weights(tmp_path / "model.swm", fold_0=save({"head.weight": torch.tensor([0, value], dtype=dtype)}))
    )
    with pytest.raises(IntegrityError, match=r"NaN or infinity in head\.weight"):
        package.weights("fold_0")


def test_weights__unknown_model(tmp_path: Path) -> None:
    package = load(samples.write_package(tmp_path / "model.swm", samples.members()))
    with pytest.raises(UsageError, match="expected fold_0, found fold_7"):
        package.weights("fold_7")


def test_weights__replaced_after_loading(tmp_path: Path) -> None:
    path = with_weights(tmp_path / "model.swm", fold_0=save({"w": torch.zeros(3)}))
    package = load(path)
    with_weights(path, fold_0=save({"w": torch.ones(3)}))
    with pytest.raises(IntegrityError):
        package.weights("fold_0")


def test_load__without_torch(tmp_path: Path) -> None:
    path = samples.write_package(tmp_path / "model.swm", samples.members())
    code = (
        "import sys; from pathlib import Path; from scanwright.package.load import load;"
        "load(Path(sys.argv[1])); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 0
