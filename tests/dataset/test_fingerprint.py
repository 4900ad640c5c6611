import json

import pytest

from made_folders import made_facts, made_task, nnunet_folder
from scanwright.dataset.checks import check
from scanwright.dataset.facts import Fingerprint, Intensity
from scanwright.dataset.fingerprint import canonical_order, digest_of, fingerprint
from scanwright.dataset.read import read_dataset
from scanwright.errors import InputError

TASK = made_task()


def level(value):
    return Intensity(min=value - 2, max=value + 2, mean=value, std=1, p005=value - 1, p500=value, p995=value + 1)


def three_cases():
    """Shapes 10, 20, 40 along x; spacing 1, 2, 4 along z; liver of 100, 200 and no voxels, tumour in the first only."""
    rows = [(10, 1.0, 100, 50, "a"), (20, 2.0, 200, 0, "a"), (40, 4.0, 0, 0, "b")]
    return {
        f"c{number}": made_facts(
            f"c{number}",
            patient=patient,
            shape=(x, 20, 30),
            spacing=(1.0, 1.0, z),
            body_shape=(x // 2, 20, 30),
            body_fraction=0.5,
            channels=(level(x),),
            label_counts={0: x * 600 - liver - tumour, 1: liver, 2: tumour},
            region_voxels={"liver": liver, "tumour": tumour},
            region_components={"liver": 2, "tumour": 1} if number == 0 else {},
            foreground_shape=(5, 5, 4) if liver else (0, 0, 0),
            foreground_sample=((float(number), number + 10.0),) if liver else ((),),
        )
        for number, (x, z, liver, tumour, patient) in enumerate(rows)
    }


def test_worked_by_hand():
    made = fingerprint(three_cases(), TASK)
    assert (made.num_cases, made.num_patients, made.dimension, made.flat_axis, made.unit) == (3, 2, 3, None, "mm")
    x = made.shape[0]
    assert (x.min, x.p10, x.median, x.p90, x.max) == (10, 12, 20, 36, 40)
    assert made.body_shape[0].median == 10
    assert [axis.median for axis in made.spacing] == [1, 1, 2]
    assert [axis.median for axis in made.extent] == [20, 20, 60]
    assert made.body_extent[0].max == 20
    assert made.foreground_extent is not None
    assert (made.foreground_extent[2].min, made.foreground_extent[2].max) == (4, 8)
    assert made.voxels.median == 12000
    assert made.body_fraction.median == 0.5
    assert (made.orientations, made.dtypes) == ({"RAS": 3}, {"int16": 3})
    (channel,) = made.channels
    assert channel.foreground is not None
    assert (channel.foreground.mean, channel.foreground.min, channel.foreground.max) == (5.5, 0, 11)  # 0, 10, 1, 11
    assert (channel.whole.min, channel.whole.max, channel.whole.mean) == (8, 42, 20)
    liver, tumour = made.regions
    assert (liver.present, tumour.present) == (2, 1)
    assert liver.volume is not None
    assert (liver.volume.min, liver.volume.max) == (0.1, 0.4)  # 100 x 1 mm³ and 200 x 2 mm³ in ml
    assert tumour.share is not None
    assert tumour.share.median == pytest.approx(50 / 6000)
    assert liver.components is not None
    assert liver.components.median == 2
    assert made.imbalance == 6.0  # 300 voxels of liver, 50 of tumour
    assert made.background_share == pytest.approx((5850 / 6000 + 11800 / 12000 + 1) / 3)


def test_it_is_json_and_its_digest_holds():
    made = fingerprint(three_cases(), TASK)
    text = made.model_dump_json()
    assert "NaN" not in text
    assert len(text) < 4000
    assert Fingerprint.model_validate_json(text) == made
    assert digest_of(made) == made.digest
    assert fingerprint(dict(reversed(three_cases().items())), TASK) == made
    other = three_cases() | {"c3": made_facts("c3")}
    assert fingerprint(other, TASK).digest != made.digest


def test_nothing_of_a_case_or_path_is_in_it(tmp_path):
    dataset = read_dataset(nnunet_folder(tmp_path, cases=3))
    text = fingerprint(check(dataset).facts, dataset.task).model_dump_json()
    assert "p01" not in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize(
    ("orientation", "order"),
    [("RAS", (0, 1, 2)), ("LPS", (0, 1, 2)), ("PIR", (2, 0, 1)), ("SAL", (2, 1, 0)), ("ILP", (1, 2, 0))],
)
def test_canonical_order(orientation, order):
    assert canonical_order(orientation) == order


def test_axes_are_compared_in_patient_space():
    """The same scan stored sagittally (i: posterior, j: inferior, k: right) has the same fingerprint, orientation apart."""
    straight = {"a": made_facts("a", shape=(10, 20, 30), body_shape=(10, 20, 30), spacing=(1.0, 1.5, 2.0))}
    sideways = {
        "a": made_facts(
            "a",
            shape=(20, 30, 10),
            body_shape=(20, 30, 10),
            spacing=(1.5, 2.0, 1.0),
            foreground_shape=(5, 4, 5),
            orientation="PIR",
        )
    }
    one, other = fingerprint(straight, TASK), fingerprint(sideways, TASK)
    assert one.model_dump(exclude={"orientations", "digest"}) == other.model_dump(exclude={"orientations", "digest"})


def test_pictures_are_two_dimensional():
    facts = {n: made_facts(n, shape=(30, 20, 1), body_shape=(30, 20, 1), orientation="LPS", unit="px") for n in "ab"}
    made = fingerprint(facts, TASK)
    assert (made.dimension, made.flat_axis, made.unit) == (2, 2, "px")
    assert made.regions[0].volume is not None
    assert made.regions[0].volume.median == 200  # 100 voxels of 2 px³: pixels are not turned to ml


def test_single_slices_along_another_axis():
    facts = {"a": made_facts("a", shape=(30, 20, 1), body_shape=(30, 20, 1), orientation="SAL")}
    assert fingerprint(facts, TASK).flat_axis == 0


def test_one_volume_among_slices_makes_it_three_dimensional():
    facts = {"a": made_facts("a", shape=(30, 20, 1), body_shape=(30, 20, 1)), "b": made_facts("b")}
    assert fingerprint(facts, TASK).dimension == 3


def test_no_region_in_any_case():
    bare = {"label_counts": {0: 6000}, "region_voxels": {}, "foreground_shape": (0, 0, 0), "foreground_sample": ((),)}
    made = fingerprint({"a": made_facts("a", **bare)}, TASK)
    assert made.foreground_extent is None
    assert made.channels[0].foreground is None
    assert (made.regions[0].present, made.regions[0].volume, made.imbalance) == (0, None, None)
    assert made.background_share == 1.0
    json.loads(made.model_dump_json())


def test_ignored_voxels_are_neither_background_nor_region():
    task = made_task(ignore=9)
    made = fingerprint({"a": made_facts("a", label_counts={0: 30, 1: 10, 9: 5960})}, task)
    assert made.background_share == 0.75


def test_unlabelled_cases():
    facts = {
        "a": made_facts("a", label_counts=None, region_voxels={}, foreground_shape=(0, 0, 0), foreground_sample=())
    }
    assert fingerprint(facts, TASK).background_share == 1.0


def test_nothing_at_all_and_two_units():
    with pytest.raises(InputError, match="no case"):
        fingerprint({}, TASK)
    with pytest.raises(InputError, match="1 in mm, 1 in px"):
        fingerprint({"a": made_facts("a"), "b": made_facts("b", unit="px")}, TASK)
