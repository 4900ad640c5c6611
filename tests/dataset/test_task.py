import pytest
from pydantic import ValidationError

from made_folders import made_task
from scanwright.dataset.task import Region, Task, larger_first, modality_of, painting_values, parse_task
from scanwright.errors import InputError


def test_values_and_exclusive():
    task = made_task(ignore=9)
    assert task.values == (0, 1, 2, 9)
    assert task.exclusive
    assert task.region_order == (1, 2)


def test_nested_regions_are_not_exclusive():
    task = made_task(values={"whole": (1, 2, 3), "core": (2, 3), "enhancing": (3,)})
    assert not task.exclusive
    assert task.values == (0, 1, 2, 3)
    assert task.region_order == (1, 2, 3)


def test_a_mask_of_255_is_one_region():
    task = made_task(values={"foreground": (255,)})
    assert (task.values, task.region_order) == ((0, 255), (255,))


def test_json_round_trip():
    task = made_task(values={"whole": (1, 2), "core": (2,)}, ignore=4, channels=("CT", "PET"))
    assert parse_task(task.model_dump(mode="json"), where="task.json") == task
    assert Task.model_validate_json(task.model_dump_json()) == task


@pytest.mark.parametrize(
    ("values", "extra", "words"),
    [
        ({"liver": (0, 1)}, {}, "0 is background"),
        ({"liver": (1,)}, {"ignore": 1}, "ignore value 1"),
        ({"liver": (1,)}, {"ignore": 0}, "ignore value 0"),
        ({"liver": (1,), "tumour": (2,)}, {"region_order": (1,)}, "region_order names 1 values for 2 regions"),
    ],
)
def test_tasks_that_make_no_sense(values, extra, words):
    with pytest.raises(ValidationError, match=words):
        made_task(values=values, **extra)


def test_two_regions_of_one_name():
    region = Region(name="liver", values=(1,))
    with pytest.raises(ValidationError, match="same name"):
        Task(name="x", channels=made_task().channels, regions=(region, region))


def test_parse_task_names_every_wrong_key():
    with pytest.raises(InputError) as raised:
        parse_task({"name": "x", "regions": [], "colour": 3}, where="task.json")
    text = str(raised.value)
    assert "task.json" in text
    assert all(key in text for key in ("channels", "colour"))


@pytest.mark.parametrize(
    ("kind", "lacks"),
    [
        ("segmentation", "regions"),
        ("classification", "classes"),
        ("regression", "quantities"),
        ("detection", "classes"),
    ],
)
def test_a_kind_without_what_it_asks_for(kind, lacks):
    with pytest.raises(ValidationError, match=f"{kind} without {lacks}"):
        Task(name="x", kind=kind, channels=made_task().channels)


def test_classes_of_one_name():
    with pytest.raises(ValidationError, match="two classes have the same name"):
        Task(name="x", kind="classification", channels=made_task().channels, classes=("a", "a"))


def test_painting_values__nothing_left_of_its_own():
    same = (Region(name="a", values=(1, 2)), Region(name="b", values=(1, 2)))
    assert painting_values(same) == (1, 1)


def test_larger_first__is_stable():
    regions = tuple(Region(name=name, values=values) for name, values in (("a", (1,)), ("b", (1, 2)), ("c", (3,))))
    assert [region.name for region in larger_first(regions)] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        ("CT", "ct"), ("ct_sarcoma", "ct"), ("CTA", "ct"), ("MRI", "mr"), ("T1", "mr"), ("T1w", "mr"), ("FLAIR", "mr"),
        ("ADC", "mr"), ("DCE-MRI", "mr"), ("xray_lung_covid", "xray"), ("chest X-ray", "xray"), ("CXR", "xray"),
        ("Mammography", "xray"), ("ultrasound_breast_busi", "us"), ("US", "us"), ("rgb_to_0_1", "rgb"), ("R", "rgb"),
        ("PET", "pet"), ("SUV", "pet"), ("noNorm", "other"), ("", "other"), ("structure", "other"), ("fact", "other"),
    ],
)  # fmt: skip
def test_modality_of(name, modality):
    assert modality_of(name) == modality
