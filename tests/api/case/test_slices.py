"""Volumes for a model that has learned from single slices: each slice as if it were a scan of its own."""

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

import fakes
from made_folders import write_nifti
from scanwright.api.case.opened import needed_bytes, open_model
from scanwright.api.case.slices import axis_across, notes_of, require_slices, slices_of
from scanwright.api.case.study_report import StudyOptions
from scanwright.api.use_model import predict
from scanwright.errors import InputError
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.network.build import build
from scanwright.release.pack import pack

THICK = np.array([[0.0, -0.9, 0.1, 30.0], [0.7, 0.0, 0.0, -20.0], [0.0, 0.1, -2.5, 5.0], [0.0, 0.0, 0.0, 1.0]])
"""Slices 2.5 mm apart, turned about every axis; those of the models below were 5 mm thick."""
SAGITTAL = np.array([[0.0, 0.0, 0.8, 0.0], [0.9, 0.0, 0.0, 0.0], [0.0, 2.5, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
"""A file whose second axis runs from feet to head."""


def plan_of(*, spacing=(5.0, 0.8, 0.8), crop=True, **changes):
    made = fakes.plan(patch=(1, 16, 16), spacing=spacing, **changes)
    return made.model_copy(update={"preprocess": made.preprocess.model_copy(update={"crop_to_nonzero": crop})})


def package(folder: Path, *, dimension: int | None = 2, **changes) -> Path:
    """A model that nobody trained. dimension: of the images that it says to have learned from, None for no word of it."""
    planned = plan_of(**changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        weights = build(planned.network).state_dict()
    reference = None if dimension is None else {"dimension": dimension}
    path = folder / "model.swm"
    folder.mkdir(parents=True, exist_ok=True)
    task = fakes.task(2).model_dump(mode="json")
    card = {"name": "made"}
    pack(path, problem="segmentation", task=task, plan=planned.to_json(), card=card, weights={"fold_0": weights},
         reference=reference)  # fmt: skip
    return path


def volume(shape=(24, 21, 6), *, axis=2):
    """Slices that differ in brightness, in contrast and in their border of zeros; the last one is empty."""
    voxels = np.random.default_rng(3).normal(100, 20, shape).astype(np.float32)
    for number, one in enumerate(np.moveaxis(voxels, axis, 0)):
        one *= 1 + number
        one[: number + 1] = 0
    np.moveaxis(voxels, axis, 0)[-1] = 0
    return voxels


def voxels_of(path):
    return np.asarray(nib.load(path).dataobj)


def test_a_prior_study_is_answered_slice_by_slice_too(tmp_path):
    """The current scan again: its regions are as large as they are now."""
    scan = write_nifti(tmp_path / "in/whole.nii.gz", volume((24, 21, 12)), THICK)
    predict(package(tmp_path / "model"), scan, out=tmp_path / "out", report=StudyOptions(), prior=[scan])
    told = json.loads((tmp_path / "out/whole.report.json").read_text())
    assert any(region["size"] for region in told["regions"])
    assert [region["before"] for region in told["regions"]] == [region["size"] for region in told["regions"]]
    assert "single-slices" in [one["code"] for one in told["warnings"]]


@pytest.mark.parametrize("spacing", [None, (5.0, 0.8, 0.8)], ids=["px", "mm"])
@pytest.mark.parametrize(("affine", "axis"), [(THICK, 2), (SAGITTAL, 1)], ids=["oblique", "sagittal"])
def test_each_slice_of_a_volume_gets_the_labels_that_it_gets_alone(tmp_path, spacing, affine, axis):
    """Not one voxel differs, whatever the other slices hold, how thick they are, and which way the file counts them."""
    model = package(tmp_path / "model", spacing=spacing)
    voxels = volume((24, 21, 6) if axis == 2 else (24, 6, 21), axis=axis)
    scan = write_nifti(tmp_path / "in/whole.nii.gz", voxels, affine)
    for index in range(6):
        moved = affine.copy()
        moved[:3, 3] += index * affine[:3, axis]
        write_nifti(tmp_path / f"in/s{index}.nii.gz", np.take(voxels, [index], axis=axis), moved)
    *alone, whole = predict(model, scan.parent, out=tmp_path / "out")
    assert [one.case for one in alone] == [f"s{index}" for index in range(6)]
    apart = np.concatenate([voxels_of(one.file) for one in alone], axis=axis)
    assert np.array_equal(voxels_of(whole.file), apart)
    assert len(np.unique(apart)) > 1, "a network that says one thing everywhere would prove nothing"
    assert whole.found["volumes"] == pytest.approx(
        {name: sum(one.found["volumes"][name] for one in alone) for name in whole.found["volumes"]}
    )


def test_a_picture_and_the_same_pixels_in_a_volume(tmp_path):
    model = package(tmp_path / "model", spacing=None, crop=False)
    voxels = np.random.default_rng(0).integers(0, 255, (40, 30, 2)).astype(np.uint8)
    (tmp_path / "in").mkdir()
    for index in range(2):
        Image.fromarray(voxels[..., index].T).save(tmp_path / f"in/p{index}.png")
    write_nifti(tmp_path / "in/volume.nii.gz", voxels, np.diag((-0.5, -0.5, 3.0, 1.0)))
    *pictures, whole = predict(model, tmp_path / "in", out=tmp_path / "out")
    for index, one in enumerate(pictures):
        assert np.array_equal(np.asarray(Image.open(one.file)).T, voxels_of(whole.file)[..., index])
        assert (one.found["unit"], one.notes) == ("px", ())
    assert whole.found["unit"] == "ml"


def test_what_was_done_is_said_on_the_screen_and_in_the_record(tmp_path):
    model = package(tmp_path / "model", spacing=None)
    scan = write_nifti(tmp_path / "a.nii.gz", volume(), THICK)
    told = []
    (found,) = predict(model, scan, out=tmp_path / "out", tell=told.append)
    assert [note[:50] for note in found.notes] == [
        "the model has learned from single slices: each of ",
        "the model has learned from pictures without a scal",
        "voxels of 0.7 x 0.906 mm are taken as square",
    ]
    assert [progress.note for progress in told if progress.note][1:] == [f"a: {note}" for note in found.notes]
    assert [(progress.done, progress.total) for progress in told if progress.total] == [(k, 6) for k in range(1, 7)]
    row = json.loads((tmp_path / "out/predictions.json").read_text())["predictions"]["a"]
    assert row["notes"] == list(found.notes)


@pytest.mark.parametrize(("dimension", "flat"), [(2, True), (3, False), (None, True)])
def test_is_flat__as_the_training_images_were(tmp_path, dimension, flat):
    """A 2-D network that was trained on volumes answers volumes: it knows no other way to prepare them."""
    model = open_model(package(tmp_path, dimension=dimension), device="cpu")
    assert model.is_flat is flat


@pytest.mark.parametrize(("least", "known"), [((20, 20, 2), True), ((20, 20, 1), False), (None, False)])
def test_knows_volumes__if_every_training_image_was_one(tmp_path, least, known):
    shape = None if least is None else [{"min": one} for one in least]
    reference = None if shape is None else {"dimension": 3, "shape": shape}
    model = open_model(package(tmp_path, dimension=None), device="cpu")
    told = replace(model, package=replace(model.package, reference=reference))
    assert told.knows_volumes is known


def test_a_2d_network_trained_on_volumes_is_given_volumes(tmp_path):
    scan = write_nifti(tmp_path / "a.nii.gz", volume(), THICK)
    (found,) = predict(package(tmp_path / "model", dimension=3), scan, out=tmp_path / "out")
    assert found.notes == ()


def test_memory__of_one_slice_and_all_labels(tmp_path):
    model = open_model(package(tmp_path), device="cpu")
    one, many = (needed_bytes(model, Grid.from_spacing((512, 512, n), (0.8, 0.8, 2.5))) for n in (1, 1000))
    assert many - one == 1000 * 512 * 512 * 4


# ---- the parts ----


def test_axis_across__the_networks_first():
    plan = plan_of().preprocess
    assert axis_across(Grid((24, 21, 6), THICK), plan) == 2
    assert axis_across(Grid((24, 6, 21), SAGITTAL), plan) == 1
    assert axis_across(Grid.of_pixels(5, 6), plan) == 2


def test_slices_of__at_their_place():
    whole = Volume(volume()[None], Grid((24, 21, 6), THICK))
    slices = list(slices_of(whole, axis=2))
    assert [one.shape for one in slices] == [(24, 21, 1)] * 6
    for index, one in enumerate(slices):
        assert np.array_equal(one.voxels[0, ..., 0], whole.voxels[0, ..., index])
        assert np.allclose(one.grid.points(np.array([3, 4, 0])), whole.grid.points(np.array([3, 4, index])))
        assert one.voxels.base is not None, "nothing is copied"


def test_a_slice_of_another_direction_is_no_stack_of_lines(tmp_path):
    """A coronal slice: seen from above it would be 21 slices one voxel high."""
    model = package(tmp_path / "model")
    scan = write_nifti(tmp_path / "coronal.nii.gz", volume((24, 1, 21)), np.eye(4))
    with pytest.raises(InputError, match="lies another way") as caught:
        predict(model, scan, out=tmp_path / "out")
    assert (caught.value.where, caught.value.found) == (scan, "21 of 1 x 24 voxels")
    assert "feet to head" in caught.value.expected
    require_slices(Grid.from_spacing((24, 1, 1), (1.0, 1.0, 1.0)), plan_of().preprocess, where=scan)


@pytest.mark.parametrize(("grid", "spacing", "words"), [
    (Grid.of_pixels(30, 40), None, []),
    (Grid.from_spacing((30, 40, 1), (0.5, 0.5, 3.0)), (5.0, 0.8, 0.8), []),
    (Grid.from_spacing((30, 40, 1), (0.5, 0.5, 3.0)), None, ["brought to 32 pixels"]),
    (Grid.from_spacing((30, 40, 1), (0.5, 0.6, 3.0)), None, ["brought to 32 pixels", "0.6 x 0.5 mm are taken as square"]),
    (Grid.from_spacing((30, 40, 9), (0.5, 0.5, 3.0)), (5.0, 0.8, 0.8), ["each of the 9"]),
])  # fmt: skip
def test_notes_of(grid, spacing, words):
    found = notes_of(grid, plan_of(spacing=spacing).preprocess)
    assert len(found) == len(words) and all(word in note for word, note in zip(words, found, strict=True))
