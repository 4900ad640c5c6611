"""Chest and head: what is labelled lies where it should, and findings lie in the regions they are drawn in."""

import numpy as np
import pytest
from scipy import ndimage

from scanwright.dataset.phantom.bodies import BODIES
from scanwright.dataset.phantom.chest import THORAX, lobes
from scanwright.dataset.phantom.cohort import anatomy_of, draw_scan, render, write_cohort
from scanwright.dataset.phantom.head import HEAD
from scanwright.dataset.read import read_dataset
from scanwright.errors import UsageError
from scanwright.files import sha256_file

SHAPES = {"chest": (66, 48, 54), "head": (45, 54, 45)}


def drawn(part, modality, subject, *, varied=False):
    scan = draw_scan(seed=0, subject=subject, shape=SHAPES[part], varied=varied, part=part)
    (image, *_), label = render(scan, modality=modality, seed=0)
    return scan, image.voxels[0], label.voxels[0]


def test_lobes__every_point_lies_in_one_of_them():
    points = np.random.default_rng(0).uniform(-200, 300, (3, 500)).astype(np.float32)
    for side, count in ((1.0, 3), (-1.0, 2)):
        apart = lobes(points, side=side)
        inside = np.stack([shape < 0 for shape in apart.values()]).sum(axis=0)
        assert len(apart) == count
        assert (inside == 1).all()


def test_chest__lobes_lie_as_in_a_patient_and_hold_air():
    _, image, label = drawn("chest", "ct", 1)
    middle = {name: ndimage.center_of_mass(label == value) for name, value in THORAX.items() if (label == value).any()}
    assert set(middle) >= set(THORAX) - {"nodule"}
    for side in ("right", "left"):
        assert middle[f"{side}_upper_lobe"][2] > middle[f"{side}_lower_lobe"][2]
        assert middle[f"{side}_upper_lobe"][1] > middle[f"{side}_lower_lobe"][1]  # anterior of it
    assert (
        middle["right_lower_lobe"][0] > middle["heart"][0] > middle["left_lower_lobe"][0]
    )  # the grid counts towards R
    assert middle["right_upper_lobe"][2] > middle["right_middle_lobe"][2]
    for name, value in THORAX.items():
        if name.endswith("lobe"):
            assert np.median(image[label == value]) < -700


def test_head__layers_lie_in_one_another():
    _, image, label = drawn("head", "mr", 0)
    middle = {
        name: np.array(ndimage.center_of_mass(label == value)) for name, value in HEAD.items() if (label == value).any()
    }
    assert set(middle) >= set(HEAD) - {"lesion"}
    assert middle["cerebellum"][1] < middle["brainstem"][1] < middle["ventricles"][1] + 20
    assert middle["cerebellum"][2] < middle["ventricles"][2]
    white, grey, fluid = (
        np.median(image[label == HEAD[name]]) for name in ("white_matter", "grey_matter", "ventricles")
    )
    assert white > grey > fluid  # T1


@pytest.mark.parametrize(("part", "finding"), [("chest", "nodule"), ("head", "lesion")])
def test_bodies__as_many_lesions_are_labelled_as_were_drawn(part, finding):
    value = BODIES[part].structures[finding]
    counts = []
    for subject in range(5):
        scan, _, label = drawn(part, "ct" if part == "chest" else "mr", subject)
        wanted = len(anatomy_of(scan, seed=0).lesions)
        found = ndimage.label(label == value, np.ones((3, 3, 3)))[1]
        assert found <= wanted
        assert found >= wanted - 1  # one may lie at the edge of what is shown, or be smaller than a voxel
        counts.append(wanted)
    assert len(set(counts)) > 1


@pytest.mark.parametrize("part", ["chest", "head"])
def test_write_cohort__of_a_part(tmp_path, part):
    settings = {"subjects": 2, "shape": (33, 27, 24), "part": part}
    for name in "ab":
        write_cohort(tmp_path / name, **settings)
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert all(sha256_file(tmp_path / "a" / name) == sha256_file(tmp_path / "b" / name) for name in files)
    task = read_dataset(tmp_path / "a").task
    assert {one.name for one in task.regions} == set(BODIES[part].structures)
    with pytest.raises(UsageError, match="holds"):
        write_cohort(tmp_path / "a", **{**settings, "part": "abdomen"})


def test_write_cohort__regions_are_nested_in_the_abdomen_alone(tmp_path):
    with pytest.raises(UsageError, match="abdomen alone"):
        write_cohort(tmp_path / "x", subjects=1, part="chest", nested=True)
