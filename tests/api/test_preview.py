"""What training sees, drawn: the training's own batches, the same place above and below, and words for what was changed."""

import numpy as np
import pytest
import torch
from PIL import Image

from made_folders import nnunet_folder, picture_folder
from made_images import class_folder
from scanwright.api.preview import pairs_of, planned_for, preview, training_case, unchanged
from scanwright.dataset.read import read_dataset
from scanwright.errors import UsageError
from scanwright.problem.segmentation import Segmentation
from scanwright.protocols import silent
from scanwright.report.wording import changes_text
from scanwright.training.batches import Batches
from scanwright.transform.intensity import Tint
from scanwright.transform.spatial import Warp, rotation


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    dataset = read_dataset(nnunet_folder(tmp_path_factory.mktemp("preview") / "data"))
    return dataset, planned_for(dataset, tell=silent)


def test_preview__png_of_a_volume_and_a_picture(tmp_path):
    made = preview(nnunet_folder(tmp_path / "a"), tmp_path / "p.png", cases=2, samples=3)
    assert made.cases == ("p00", "p02") and made.to_json()["augment"]["warp_share"] >= 0
    with Image.open(tmp_path / "p.png") as image:
        assert image.size[0] == 2 * (84 + 3 * 176)
    preview(picture_folder(tmp_path / "b"), tmp_path / "q.png", cases=1, samples=2)
    with Image.open(tmp_path / "q.png") as image:
        assert np.asarray(image.convert("L")).std() > 10  # not an empty ground


def test_preview__page_holds_everything_and_escapes_names(tmp_path):
    folder = nnunet_folder(tmp_path / "a", name="<b>set</b>")
    preview(folder, tmp_path / "p.html", cases=2, samples=1)
    text = (tmp_path / "p.html").read_text()
    assert text.count("data:image/png;base64,") == 2 and "<b>set" not in text and "http" not in text


def test_preview__the_same_seed_gives_the_same_bytes(tmp_path):
    folder = nnunet_folder(tmp_path / "a")
    for name, seed in (("1.png", 0), ("2.png", 0), ("3.png", 1)):
        preview(folder, tmp_path / name, cases=1, samples=2, seed=seed)
    one, two, three = ((tmp_path / f"{k}.png").read_bytes() for k in (1, 2, 3))
    assert one == two and one != three


def test_preview__with_the_plan_of_a_run(tmp_path, finished):
    made = preview(finished.data, tmp_path / "p.png", plan=finished.run / "plan.json", cases=1)
    assert made.file.is_file()
    with pytest.raises(UsageError, match="plan of other data"):
        preview(
            nnunet_folder(tmp_path / "two", channels=("T1", "T2")), tmp_path / "q.png", plan=finished.run / "plan.json"
        )


def test_preview__what_it_cannot_draw(tmp_path):
    with pytest.raises(UsageError, match="picture or a page"):
        preview(nnunet_folder(tmp_path / "a"), tmp_path / "p.jpg")


def test_preview__of_whole_images_tells_what_is_known_of_them(tmp_path):
    data = class_folder(tmp_path / "a")
    made = preview(data, tmp_path / "p.html", cases=2, samples=2)
    assert made.cases == ("absent_00", "present_00") and made.augment["shift"] > 0
    with Image.open(preview(data, tmp_path / "p.png", cases=1, samples=2).file) as image:
        assert np.asarray(image.convert("L")).std() > 10
    text = (tmp_path / "p.html").read_text()
    assert "present_00: present" in text and text.count("data:image/png;base64,") == 2


def test_pairs__are_what_training_draws(planned):
    dataset, plan = planned
    problem = Segmentation(dataset.task)
    case = training_case(dataset.cases[0], dataset, plan, problem)
    pairs = pairs_of(case, plan, problem, step=2, samples=4, seed=5)
    sized = plan.model_copy(update={"batch": plan.batch.model_copy(update={"size": 4})})
    image, _ = Batches((case,), sized, 5, torch.device("cpu")).batch(2)
    drawn = np.sort(np.concatenate([pane.image.ravel() for pane in pairs.after]))
    own = np.sort(np.concatenate([image[k].numpy().ravel() for k in range(4)]))
    assert set(drawn.tolist()) <= set(own.tolist())


def test_pairs__above_is_the_same_place_unchanged(planned):
    dataset, plan = planned
    problem = Segmentation(dataset.task)
    case = training_case(dataset.cases[0], dataset, plan, problem)
    still = unchanged(plan)
    for step in range(3):
        one, two = (Batches((case,), p, 0, torch.device("cpu")).draw(step) for p in (plan, still))
        assert one.centers == two.centers
    voxels = set(np.round(np.asarray(case.image).ravel(), 4).tolist())
    pairs = pairs_of(case, plan, problem, step=0, samples=3, seed=0)
    for pane in pairs.before:
        assert set(np.round(pane.image.ravel(), 4).tolist()) <= voxels


def one_sample(matrix, *, bend=0.0, **grey):
    told = {"contrast": 1.0, "brightness": 0.0, "gamma": 1.0, "noise": 0.0, "blur": 0.0, "low_resolution": 1.0, **grey}
    tint = Tint(**{name: np.array([value]) for name, value in told.items()}, seed=0)
    return Warp(np.asarray(matrix)[None], np.full((1, 3, 1, 1, 1), bend, np.float32)), tint


def test_changes__in_words():
    spacing = (3.0, 1.0, 1.0)
    assert changes_text(*one_sample(np.eye(3)), 0, spacing=spacing) == "as it is"
    scale = np.diag(spacing)
    matrix = np.linalg.inv(scale) @ rotation(np.radians((10.0, 0.0, 0.0))) @ scale @ np.diag((1.0, -1.0, 1.0))
    assert changes_text(*one_sample(matrix), 0, spacing=spacing) == "turned 10°, mirrored"
    text = changes_text(*one_sample(np.eye(3) * 0.8, bend=1.0, gamma=1.2, noise=0.05), 0, spacing=spacing)
    assert text == "size ×1.25, bent\ngamma 1.20, noise 0.05"


@pytest.mark.parametrize("seed", range(12))
def test_changes__angle_and_size_of_any_draw(seed):
    rng = np.random.default_rng(seed)
    spacing = rng.uniform(0.5, 4, 3)
    angle, axis = rng.uniform(2, 40), int(rng.integers(3))
    turn = rotation(np.radians(np.eye(3)[axis] * angle))
    flips = rng.choice([-1.0, 1.0], 3)
    matrix = np.diag(1 / spacing) @ turn @ np.diag(spacing) @ np.diag(1.25 * flips)
    text = changes_text(*one_sample(matrix), 0, spacing=tuple(spacing))
    assert f"turned {angle:.0f}°" in text and "size ×0.80" in text and ("mirrored" in text) == bool((flips < 0).any())
