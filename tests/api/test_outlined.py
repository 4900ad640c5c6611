"""A classical model on radiomic features of what is outlined, from a folder of images and masks to answers of its package."""

import importlib.util
import json
import re

import numpy as np
import pytest

from made_folders import write_png, write_text
from scanwright.api.case.opened import open_model
from scanwright.dataset.images import read_case_image
from scanwright.dataset.read import read_dataset
from scanwright.features.radiomic import radiomic_features
from scanwright.features.radiomic_groups import radiomic_groups
from scanwright.geometry.volume import Volume
from scanwright.transform.preprocess import to_network

SIDE, EACH = 48, 10
SVM = ("--task", "classification", "--model", "svm", "--set", "network.features=radiomic", "--folds", "2")
needs_mirp = pytest.mark.skipif(importlib.util.find_spec("mirp") is None, reason="radiomic features need MIRP")


def lesion(seed, *, long):
    """A grey picture with a brighter ellipse in it, and the ellipse as a mask; its place and brightness tell nothing."""
    rng = np.random.default_rng(seed)
    middle = rng.uniform(18, SIDE - 18, 2)
    away = np.indices((SIDE, SIDE)) - middle[:, None, None]
    inside = np.hypot(away[0] / 6, away[1] / (12 if long else 6)) <= 1
    image = rng.normal(90, 15, (SIDE, SIDE)) + inside * rng.uniform(30, 60)
    return image.clip(0, 255).astype(np.uint8), inside.astype(np.uint8)


def lesions(each=EACH, *, first=0):
    """Name, class, picture and mask, each class in turn."""
    for index in range(first, first + each):
        for number, name in enumerate(("round", "long")):
            yield f"{name}_{index:02d}", name, *lesion(100 * number + index, long=name == "long")


def listed(root):
    """A table of images, masks and classes."""
    rows = ["image,mask,class"]
    for name, kind, image, mask in lesions():
        write_png(root / "images" / f"{name}.png", image)
        write_png(root / "drawn" / f"{name}.png", mask)
        rows.append(f"images/{name}.png,drawn/{name}.png,{kind}")
    write_text(root / "cases.csv", "\n".join(rows) + "\n")
    return root


def by_folder(root):
    """A folder for each class, masks beside their images."""
    for name, kind, image, mask in lesions():
        write_png(root / kind / f"{name}.png", image)
        write_png(root / kind / f"{name}_mask.png", mask)
    return root


def new_scans(root):
    """Four further pictures in scans/, their masks in masks/."""
    for name, _, image, mask in lesions(2, first=50):
        write_png(root / "scans" / f"{name}.png", image)
        write_png(root / "masks" / f"{name}_mask.png", mask)
    return root


@pytest.fixture(scope="module")
def trained(tmp_path_factory, scanwright):
    """A data set, and a run on it."""
    folder = tmp_path_factory.mktemp("outlined")
    data = listed(folder / "data")
    ended = scanwright("train", data, *SVM, "-o", folder / "run")
    assert ended.code == 0, ended.err
    return data, folder / "run"


def test_layouts__a_case_has_the_outline_that_lies_with_it(tmp_path):
    for data in (listed(tmp_path / "table"), by_folder(tmp_path / "folders")):
        cases = read_dataset(data, kind="classification").cases
        assert len(cases) == 2 * EACH and {name for case in cases for name in case.target.names} == {"round", "long"}
        assert all(case.label is None and case.outline.stem.startswith(case.id) for case in cases)


def test_layouts__masks_that_a_table_of_classes_leaves_aside_are_outlines(tmp_path):
    data = listed(tmp_path)
    (data / "drawn").rename(data / "masks")
    write_text(data / "cases.csv", re.sub(r",drawn/[^,]*", "", (data / "cases.csv").read_text()).replace(",mask,", ","))
    dataset = read_dataset(data, kind="classification")
    assert all(case.outline == data / "masks" / f"{case.id}.png" for case in dataset.cases)


@needs_mirp
def test_model__learns_what_only_the_outline_tells(trained):
    _, run = trained
    scores, plan = json.loads((run / "metrics.json").read_text()), json.loads((run / "plan.json").read_text())
    assert scores["overall"]["auroc"]["mean"] == 1
    assert plan["network"]["features"] == "radiomic" and plan["network"]["radiomic"]["library"].startswith("mirp ")
    assert plan["preprocess"]["long_side"] is None and plan["batch"]["patch"] == [1, 1, 1]
    page = (run / "report.html").read_text()
    panel = re.search(r"<svg(?:(?!</svg>).)*fall of AUROC on validation cases.*?</svg>", page, flags=re.DOTALL)[0]
    assert all(f">{name}<" in panel for name in ("shape", "intensities (first order)", "texture"))
    assert "of what is outlined in the images" in page and "Widths are shares" not in page


@needs_mirp
def test_predict__reads_outlines_and_answers_as_any_model(trained, scanwright, tmp_path):
    new = new_scans(tmp_path)
    given = ("predict", trained[1] / "model.swm", new / "scans", "-o", tmp_path / "out")
    ended = scanwright(*given, "--outlines", new / "masks", "--json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)["predictions"]
    assert [one["decision"] for one in told] == [one["case"].split("_")[0] for one in told] and len(told) == 4
    assert all(one["nearest"] for one in told)
    one = scanwright(
        *given[:2], new / "scans" / "long_50.png", "-o", tmp_path / "one", "--outlines", new / "masks" / "long_50_mask.png",
        "--json",
    )  # fmt: skip
    alone = json.loads(one.out)["predictions"][0]
    assert alone["probabilities"] == next(each for each in told if each["case"] == "long_50")["probabilities"]


@needs_mirp
def test_predict__without_an_outline_is_refused(trained, scanwright, tmp_path):
    new, package = new_scans(tmp_path), trained[1] / "model.swm"
    bare = scanwright("predict", package, new / "scans", "-o", tmp_path / "a")
    assert bare.code == 2 and "--outlines FOLDER" in bare.err
    (new / "masks" / "long_50_mask.png").unlink()
    write_png(new / "masks" / "long_51_mask.png", np.zeros((SIDE, SIDE), np.uint8))
    write_png(new / "masks" / "round_50_mask.png", np.ones((SIDE, SIDE - 1), np.uint8))
    some = scanwright("predict", package, new / "scans", "-o", tmp_path / "b", "--outlines", new / "masks")
    assert some.code == 4 and "3 of 4 scans could not be answered" in some.err
    for reason in ("nothing says what is outlined", "nothing is outlined", "an outline lies on its image's grid"):
        assert reason in some.err
    assert (tmp_path / "b" / "round_51.json").exists()
    given = ("predict", package, new / "scans", "-o", tmp_path / "c", "--outlines", new / "masks")
    for wish in (("--explain",), ("--explain-by", "occlusion")):
        drawn = scanwright(*given, *wish)
        assert drawn.code == 2 and "rests on no place" in drawn.err


@needs_mirp
def test_evaluate__takes_the_outlines_of_the_data_set(trained, scanwright, tmp_path):
    for name, kind, image, mask in lesions(4, first=70):
        write_png(tmp_path / "data" / kind / f"{name}.png", image)
        write_png(tmp_path / "data" / kind / f"{name}_mask.png", mask)
    ended = scanwright("evaluate", trained[1] / "model.swm", tmp_path / "data", "-o", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["overall"]["auroc"]["mean"] == 1


@needs_mirp
def test_features__are_those_of_the_table(trained):
    data, run = trained
    model, dataset = open_model(run / "model.swm"), read_dataset(data, kind="classification")
    network, plan = model.engine.networks[0], model.engine.plan
    image = read_case_image(dataset.cases[3], dataset.task, outlined=True)
    prepared, _ = to_network(image, plan.preprocess)
    mask = Volume(image.outline.astype(np.uint8)[None], image.grid)
    expected = radiomic_features(image, mask, plan.network.radiomic, channels=["us"])
    found = network.outlined.features(prepared)
    assert found.keys() == expected.keys() == set(network.models[0].names)
    for name, value in expected.items():
        assert found[name] == pytest.approx(np.nan if value is None else value, rel=1e-4, abs=1e-6, nan_ok=True), name


@needs_mirp
def test_train__outlines_have_to_be_there_for_every_case_and_stay(scanwright, trained, tmp_path):
    data = listed(tmp_path / "data")
    write_png(data / "drawn" / "long_03.png", np.zeros((SIDE, SIDE), np.uint8))
    (data / "drawn" / "round_04.png").unlink()
    ended = scanwright("train", data, *SVM, "-o", tmp_path / "run")
    assert ended.code == 4 and "2 of 20 cases without" in ended.err
    assert "long_03: nothing is outlined" in ended.err and "round_04: nothing says what is outlined" in ended.err
    without = ("--exclude", "long_03", "--exclude", "round_04")
    again = scanwright("train", data, *SVM, *without, "-o", tmp_path / "run", "--restart")
    assert again.code == 0, again.err
    write_png(data / "drawn" / "long_05.png", np.ones((SIDE, SIDE), np.uint8))
    changed = scanwright("train", data, *SVM, *without, "-o", tmp_path / "run")
    assert changed.code == 2 and "the outlines have changed" in changed.err


def test_a_model_of_whole_images_takes_no_outlines(scanwright, tmp_path):
    data, new = by_folder(tmp_path / "data"), new_scans(tmp_path)
    ended = scanwright("train", data, "--model", "svm", "--folds", "2", "-o", tmp_path / "run")
    assert ended.code == 0, ended.err
    given = ("predict", tmp_path / "run" / "model.swm", new / "scans", "-o", tmp_path / "out")
    ended = scanwright(*given, "--outlines", new / "masks")
    assert ended.code == 2 and "this model sees all of an image" in ended.err


def test_groups__channels_before_all_but_the_shape():
    names = [
        "shape_area",
        "channel_0_glcm_contrast",
        "channel_1_ngldm_energy",
        "channel_1_intensity_mean",
        "colour_hue",
    ]
    assert radiomic_groups(names, ["dwi", "adc"]) == {
        "shape": [0],
        "dwi: texture": [1],
        "adc: texture": [2],
        "adc: intensities (first order)": [3],
        "colour": [4],
    }
