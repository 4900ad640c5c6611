"""A version is what was read: another layout, format or numbering of labels is the same one, another voxel is not."""

import numpy as np
import pytest

from made_folders import AFFINE, ball, decathlon_folder, nnunet_folder, write_json, write_nifti
from scanwright.dataset.checks import check
from scanwright.dataset.manifest import content_of, digest_of, make_manifest, masks_of, read_manifest, write_manifest
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError


def version(folder):
    dataset = read_dataset(folder)
    return make_manifest(dataset, check(dataset, see=content_of))


def same_balls(root, number, *, dtype=np.uint8, values=(1, 2), affine=AFFINE):
    """Case `number` of `nnunet_folder`, its label written otherwise."""
    _, label = ball(10 * number, values=values)
    return write_nifti(root / "labelsTr" / f"p{number:02d}.nii.gz", label.astype(dtype), affine)


def test_digest__of_the_same_data_elsewhere(tmp_path):
    one, other = version(nnunet_folder(tmp_path / "a")), version(nnunet_folder(tmp_path / "b"))
    assert one.digest == other.digest and len(one.digest) == 64
    assert one.cases == other.cases


def test_digest__labels_of_another_type_and_numbering_are_the_same(tmp_path):
    plain = version(nnunet_folder(tmp_path / "a"))
    other = nnunet_folder(tmp_path / "b", labels={"background": 0, "liver": 7, "tumour": 3})
    for number in range(4):
        same_balls(other, number, dtype=np.int16, values=(7, 3))
    assert version(other).digest == plain.digest


@pytest.mark.parametrize("what", ["image", "label", "place", "patient", "side"])
def test_digest__one_change_makes_another_version(tmp_path, what):
    folder = nnunet_folder(tmp_path / "a")
    before = version(folder)
    image, label = ball(0, values=(1, 2))
    if what == "image":
        image[0, 0, 0] += 1
        write_nifti(folder / "imagesTr/p00_0000.nii.gz", image)
    if what == "label":
        label[0, 0, 0] = 1
        write_nifti(folder / "labelsTr/p00.nii.gz", label)
    if what == "place":
        for file, voxels in (("imagesTr/p00_0000.nii.gz", image), ("labelsTr/p00.nii.gz", label)):
            moved = AFFINE.copy()
            moved[0, 3] = 0.5
            write_nifti(folder / file, voxels, moved)
    if what == "patient":
        write_json(folder / "scanwright.json", {"patient": "^(p)"})
    if what == "side":
        write_json(folder / "scanwright.json", {"test": ["p00"]})
    assert version(folder).digest != before.digest


def test_manifest__patients_are_hashed_and_unknown_ones_empty(tmp_path):
    folder = nnunet_folder(tmp_path / "a")
    assert {entry.patient for entry in version(folder).cases.values()} == {""}
    write_json(folder / "scanwright.json", {"patient": "^(p0)"})
    (hashed,) = {entry.patient for entry in version(folder).cases.values()}
    assert len(hashed) == 64


def test_manifest__a_case_that_cannot_be_read_says_why(tmp_path):
    folder = nnunet_folder(tmp_path / "a")
    (folder / "imagesTr/p01_0000.nii.gz").write_bytes(b"cut")
    entry = version(folder).cases["p01"]
    assert entry.content is None and entry.unread == "unreadable-image"


def test_manifest__round_trip_and_same_bytes(tmp_path):
    made = version(decathlon_folder(tmp_path / "a"))
    for name in ("one.json", "two.json"):
        write_manifest(tmp_path / name, made)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert read_manifest(tmp_path / "one.json") == made


def test_read__a_version_that_was_edited_is_refused(tmp_path):
    made = version(nnunet_folder(tmp_path / "a"))
    write_manifest(tmp_path / "v.json", made.model_copy(update={"cases": dict(list(made.cases.items())[1:])}))
    with pytest.raises(InputError, match="not those it was written with"):
        read_manifest(tmp_path / "v.json")
    write_json(tmp_path / "w.json", {"cases": {}})
    with pytest.raises(InputError, match="not a version"):
        read_manifest(tmp_path / "w.json")


def test_masks__only_what_is_there_and_ignored_voxels(tmp_path):
    task = read_dataset(nnunet_folder(tmp_path / "a")).task.model_copy(update={"ignore": 9})
    label = np.zeros((4, 3, 2), np.uint8)
    label[0, 0, 0], label[1] = 2, 9
    masks = masks_of(label, task)
    assert {name: mask.voxels for name, mask in masks.items()} == {"tumour": 1, "ignore": 6}


def test_digest__is_that_of_the_cases_not_of_the_name(tmp_path):
    made = version(nnunet_folder(tmp_path / "a"))
    assert digest_of(made.model_copy(update={"name": "other", "layout": "table"})) == made.digest
