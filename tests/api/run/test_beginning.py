"""Training that begins from weights that are there, as a user asks for it."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from made_folders import write_png
from made_images import class_folder, disc
from scanwright.api.run.beginning import read_beginning
from scanwright.errors import UsageError
from scanwright.network.build import build
from scanwright.package.learned import learned_of
from scanwright.package.load import load
from scanwright.plan.plan import plan_from_json

FEW = ("--steps", "2", "--folds", "2")


def others(folder):
    """Pictures of the same kind, and none of them the same."""
    for number, name in enumerate(("absent", "present")):
        for index in range(8):
            write_png(folder / name / f"new_{index}.png", disc(5000 + 100 * number + index, radius=3.0 * number))
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory, scanwright):
    """A trained network, smaller than a planned one, and what it learned from."""
    folder = tmp_path_factory.mktemp("base")
    data = class_folder(folder / "data")
    widths = ("--set", "network.widths=[8,16,24]")
    ended = scanwright("train", data, "--model", "cnn", *FEW, *widths, "-o", folder / "run")
    assert ended.code == 0, ended.err
    return folder / "run", data


def test_train__begins_from_the_network_of_a_package(base, scanwright, tmp_path):
    run, _ = base
    data, cnn = others(tmp_path / "data"), ("--model", "cnn")
    command = ("train", data, *FEW, *cnn, "--from", run / "model.swm", "-o", tmp_path / "new")
    ended = scanwright(*command)
    assert ended.code == 0, ended.err
    plan = json.loads((tmp_path / "new" / "plan.json").read_text())
    assert plan["network"]["widths"] == [8, 16, 24] and plan["why"]["network.widths"]["source"] == "--from"
    assert plan["training"]["start"] == read_beginning(run / "model.swm").start.digest
    old, new = (load_file(folder / "folds" / "1" / "weights.safetensors") for folder in (run, tmp_path / "new"))
    fresh = build(plan_from_json(plan).network, seed=1).state_dict()
    name = next(name for name, part in old.items() if part.ndim == 4)
    assert (old[name] - new[name]).abs().mean() < (fresh[name] - new[name]).abs().mean()  # near where it began
    again = scanwright(*command)
    assert again.code == 0
    other = scanwright(*command[:-4], "-o", tmp_path / "new")
    assert other.code == 2 and "start: was" in other.err


def test_train__on_what_the_weights_have_learned_from_is_refused(base, scanwright, tmp_path):
    run, data = base
    command = ("train", data, *FEW, "--from", run / "model.swm", "-o", tmp_path / "new")
    ended = scanwright(*command)
    assert ended.code == 5 and "learned-before" in ended.err and "24 of 24" in ended.err
    ended = scanwright(*command, "--waive", "learned-before=fine-tuning as an exercise")
    assert ended.code == 0, ended.err
    assert "fine-tuning as an exercise" in (tmp_path / "new" / "report.html").read_text()


def test_train__from_a_file_of_weights(base, scanwright, tmp_path):
    run, _ = base
    weights = run / "folds" / "0" / "weights.safetensors"
    data = others(tmp_path / "data")
    ended = scanwright("train", data, *FEW, "--from", weights, "-o", tmp_path / "new")
    assert ended.code == 2 and "do not fit the planned network" in ended.err
    given = ("--set", "network.widths=[8,16,24]")
    ended = scanwright("train", data, "--model", "cnn", *FEW, *given, "--from", weights, "-o", tmp_path / "fits")
    assert ended.code == 0, ended.err
    assert (
        "learned-from-unknown" in ended.err
        and "do not say what they had learned from" in (tmp_path / "fits" / "report.html").read_text()
    )
    taught = learned_of(load(tmp_path / "fits" / "model.swm"))
    assert taught.cases and not taught.complete and learned_of(load(run / "model.swm")).complete


def test_train__a_support_vector_machine_on_what_the_network_of_a_package_makes(base, scanwright, tmp_path):
    run, _ = base
    data, new = others(tmp_path / "data"), tmp_path / "new"
    ended = scanwright("train", data, "--folds", "2", "--model", "svm", "--from", run / "model.swm", "-o", new)
    assert ended.code == 0, ended.err
    plan = plan_from_json(json.loads((new / "plan.json").read_text()))
    assert plan.network.features == "deep" and plan.network.encoder.widths == (8, 16, 24)
    assert ("network.encoder.family", "resnet") in [row[:2] for row in plan.rows()]
    for fold in (0, 1):  # each fold reads its own network, as it was
        learned = load_file(run / "folds" / str(fold) / "weights.safetensors")
        held = load_file(new / "folds" / str(fold) / "weights.safetensors")
        names = [name for name in learned if not name.startswith("head.")]
        assert names and all(torch.equal(learned[name], held[f"encoder.{name}"]) for name in names)
    report = (new / "report.html").read_text()
    assert "what the ResNet of --from makes of the images" in report and "What the model goes by" not in report
    moved = (new / "model.swm").rename(tmp_path / "model.swm")
    picture = next((data / "present").iterdir())
    ended = scanwright("predict", moved, picture, "--explain", "-o", tmp_path / "out")  # the package holds its network
    assert ended.code == 0, ended.err
    (told,) = json.loads((tmp_path / "out" / "predictions.json").read_text())["predictions"].values()
    assert sum(told["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_train__from_a_package_tries_its_network_and_a_machine_on_its_features(base, scanwright, tmp_path):
    run, _ = base
    command = ("train", others(tmp_path / "data"), *FEW, "--from", run / "model.swm", "-o", tmp_path / "new")
    ended = scanwright(*command)
    assert ended.code == 0, ended.err
    assert json.loads((tmp_path / "new" / "trials.json").read_text())["tried"] == ["svm", "cnn"]


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("--from", "nowhere.swm"), 4, "no such package"),
        (("--from", "broken.safetensors"), 3, "cannot be read"),
        (("--from", "weights.safetensors", "--model", "svm"), 2, "weights alone"),
        (("--model", "svm", "--set", "network.features=deep"), 2, "decided by --from"),
    ],
)
def test_train__what_cannot_be_begun_from(scanwright, tmp_path, monkeypatch, given, code, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.safetensors").write_bytes(b"none")
    save_file({"some": torch.zeros(3)}, tmp_path / "weights.safetensors")
    ended = scanwright("train", others(tmp_path / "data"), *FEW, *given, "-o", tmp_path / "new")
    assert ended.code == code and said in ended.err


def test_beginning__takes_what_fits_and_refuses_what_does_not(base, tmp_path):
    run, _ = base
    plan = plan_from_json(json.loads((run / "plan.json").read_text())).network
    begun = read_beginning(run / "model.swm")
    network = build(plan.model_copy(update={"out_channels": 5}), seed=7)
    head = network.head.weight.detach().clone()
    begun.enter(network, fold=3)  # two models: the second
    first = next(name for name, part in begun.models[1].items() if part.ndim > 2)
    assert torch.equal(network.state_dict()[first], begun.models[1][first])
    assert torch.equal(network.head.weight, head)
    save_file({"else": torch.zeros(3)}, tmp_path / "else.safetensors")
    with pytest.raises(UsageError, match="do not fit"):
        read_beginning(tmp_path / "else.safetensors").enter(network, fold=0)
