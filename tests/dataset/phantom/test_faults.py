import gzip

import nibabel
import numpy as np
import pytest

from scanwright.dataset.phantom.cohort import write_cohort
from scanwright.dataset.phantom.faults import FAULTS, STRANGE_VALUE, plant
from scanwright.errors import InputError, UsageError
from scanwright.files import sha256_file


@pytest.fixture
def folder(tmp_path):
    write_cohort(tmp_path, subjects=3, shape=(20, 18, 12), varied=False)
    return tmp_path


def hashes(folder):
    return {path: sha256_file(path) for path in folder.rglob("*") if path.is_file()}


def voxels(path):
    return np.asarray(nibabel.load(path).dataobj)


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_plant__changes_one_file_and_says_which(folder, fault):
    before = hashes(folder)
    planted = plant(folder, fault, case="p001_a")
    after = hashes(folder)
    assert {path for path in before if before[path] != after.get(path)} == {planted.file}
    assert set(after) <= set(before)
    assert (planted.fault, planted.case) == (fault, "p001_a")
    assert "p001_a" in planted.file.name
    assert planted.found


def test_plant__nan(folder):
    found = voxels(plant(folder, "nan-voxel").file)
    assert np.isnan(found[3, 2, 1])
    assert np.isnan(found).sum() == 1


def test_plant__unknown_value(folder):
    assert (voxels(plant(folder, "unknown-value").file) == STRANGE_VALUE).sum() == 8


def test_plant__empty_and_constant(folder):
    assert not voxels(plant(folder, "empty-label").file).any()
    assert np.unique(voxels(plant(folder, "constant-image").file)).tolist() == [17]


def test_plant__duplicate_has_the_other_cases_voxels(folder):
    file = plant(folder, "duplicated-image", case="p002_a").file
    assert np.array_equal(voxels(file), voxels(folder / "imagesTr" / "p000_a_0000.nii.gz"))


def test_plant__duplicate_needs_a_case_of_the_same_shape(tmp_path):
    write_cohort(tmp_path, subjects=1, shape=(20, 18, 12))
    with pytest.raises(InputError, match="no other case"):
        plant(tmp_path, "duplicated-image")


def test_plant__shape_and_place(folder):
    shape = voxels(folder / "imagesTr" / "p000_a_0000.nii.gz").shape
    assert voxels(plant(folder, "shape-mismatch", case="p000_a").file).shape == (*shape[:2], shape[2] - 2)
    image = nibabel.load(folder / "imagesTr" / "p001_a_0000.nii.gz")
    label = nibabel.load(plant(folder, "label-shifted", case="p001_a").file)
    assert (label.affine - image.affine)[0, 3] == pytest.approx(6 * image.affine[0, 0])


def test_plant__truncated_stream_cannot_be_unpacked(folder):
    with pytest.raises(EOFError):
        gzip.decompress(plant(folder, "truncated").file.read_bytes())


def test_plant__unknown_fault_and_unknown_case(folder):
    with pytest.raises(UsageError, match="no such fault"):
        plant(folder, "gremlin")
    with pytest.raises(InputError, match="no such case"):
        plant(folder, "empty-label", case="nobody")
