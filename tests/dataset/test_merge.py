"""Tasks that become one: by name, values translated, and refused where a name would be taught as absent."""

import itertools

import numpy as np
import pytest

from made_folders import made_task
from scanwright.dataset.cases import Box, Boxes, Classes, Quantities
from scanwright.dataset.mapping import Renaming, parse_mappings
from scanwright.dataset.merge import join_tasks
from scanwright.dataset.task import Channel, Task
from scanwright.dataset.translate import Translation, translated, translated_target
from scanwright.errors import UsageError

CT = (Channel(name="CT", modality="ct"),)


def of_classes(*names, choice="one", kind="classification"):
    return Task(name="made", kind=kind, channels=CT, classes=names, choice=choice)


def joined(*tasks, **renamings):
    named = dict(zip("AB", tasks, strict=False))
    return join_tasks(named, {name: Renaming(**told) for name, told in renamings.items()}, name="joint")


def regions(task):
    return {region.name: region.values for region in task.regions}


def test_same__nothing_is_translated():
    task, translations = joined(made_task(), made_task())
    assert regions(task) == {"liver": (1,), "tumour": (2,)}
    assert all(one.keeps_values for one in translations.values())


def test_values__names_decide_not_numbers():
    task, translations = joined(made_task(), made_task(values={"tumour": (1,), "liver": (2,)}))
    assert regions(task) == {"liver": (1,), "tumour": (2,)}
    assert translations["B"].values == {1: 2, 2: 1}


def test_values__signs_and_case_are_no_other_name():
    task, translations = joined(made_task(values={"Left Lung": (1,)}), made_task(values={"left_lung": (5,)}))
    assert regions(task) == {"Left Lung": (1,)} and translations["B"].values == {5: 1}


@pytest.mark.parametrize("seed", range(20))
def test_values__every_permutation_gives_the_same_masks(seed):
    rng = np.random.default_rng(seed)
    names = ["a", "b", "c", "d"]
    first, second = (rng.permutation(9)[:4] + 1 for _ in range(2))
    tasks = [made_task(values={n: (int(v),) for n, v in zip(names, vs, strict=True)}) for vs in (first, second)]
    task, translations = joined(*tasks)
    label = rng.choice([0, *second], (5, 4, 3)).astype(np.uint8)
    made = translated(label, translations["B"].values)
    for name, value in zip(names, second, strict=True):
        assert np.array_equal(label == value, np.isin(made, regions(task)[name]))


def test_missing__is_refused_with_the_option_that_settles_it():
    with pytest.raises(UsageError) as caught:
        joined(made_task(), made_task(values={"liver": (1,), "tumor": (2,)}))
    text = str(caught.value)
    assert "A has no tumor; B has no tumour" in text and "--map" in text


def test_missing__mapped_dropped_or_declared_absent():
    other = made_task(values={"liver": (1,), "cyst": (3,)})
    task, translations = joined(made_task(), other, B={"names": {"cyst": "tumour"}})
    assert translations["B"].values == {1: 1, 3: 2} and len(task.regions) == 2
    task, translations = joined(made_task(), other, B={"names": {"3": ""}, "absent": ("tumour",)})
    assert translations["B"].values == {1: 1, 3: 0}
    task, translations = joined(made_task(), other, A={"absent": ("cyst",)}, B={"absent": ("tumour",)})
    assert regions(task) == {"liver": (1,), "tumour": (2,), "cyst": (3,)}


def test_absent__a_value_that_is_taken_becomes_another():
    task, translations = joined(
        made_task(values={"liver": (1,)}), made_task(values={"cyst": (1,), "liver": (2,)}), A={"absent": ("cyst",)}
    )
    assert regions(task)["liver"] == (1,) and regions(task)["cyst"] == (2,)
    assert translations["B"].values == {1: 2, 2: 1}


def test_two_regions__under_one_name():
    task, translations = joined(
        made_task(values={"kidney": (1,)}),
        made_task(values={"left": (4,), "right": (5,)}),
        B={"names": {"left": "kidney", "right": "kidney"}},
    )
    assert regions(task) == {"kidney": (1,)} and translations["B"].values == {4: 1, 5: 1}


def test_ignore__is_carried_over():
    task, translations = joined(made_task(), made_task(values={"liver": (2,), "tumour": (1,)}, ignore=9))
    assert task.ignore == 9 and translations["B"].values[9] == 9


def test_overlapping__only_with_the_same_values():
    nested = {"whole": (1, 2), "core": (2,)}
    task, translations = joined(made_task(values=nested), made_task(values=nested))
    assert regions(task) == nested and translations["B"].keeps_values
    with pytest.raises(UsageError, match="overlapping regions"):
        joined(made_task(values=nested), made_task(values={"whole": (1, 2), "core": (1,)}))


def test_channels__by_name_and_in_another_order():
    one, other = (made_task(channels=names) for names in (("T1", "T2"), ("t2", "t1")))
    task, translations = joined(one, other)
    assert [channel.name for channel in task.channels] == ["T1", "T2"]
    assert translations["B"].channels == (1, 0)


def test_channels__others_are_refused_unless_mapped():
    grey, colour = made_task(channels=("US",)), made_task(channels=("red", "green", "blue"))
    with pytest.raises(UsageError, match="different channels"):
        joined(grey, colour)
    with pytest.raises(UsageError, match="different channels"):
        joined(made_task(channels=("image",)), made_task(channels=("CT",)))
    task, _ = joined(made_task(channels=("image",)), made_task(channels=("CT",)), A={"names": {"image": "CT"}})
    assert task.channels[0].name == "CT"


def test_channels__a_modality_that_contradicts_is_refused():
    other = Task(**{**made_task().model_dump(), "channels": [{"name": "CT", "modality": "mr"}]})
    with pytest.raises(UsageError, match="different kinds of images"):
        joined(made_task(), other)


def test_classes__that_exclude_each_other_are_put_together():
    task, _ = joined(of_classes("normal", "benign"), of_classes("Normal", "malignant"))
    assert task.classes == ("normal", "benign", "malignant")


@pytest.mark.parametrize(("choice", "kind"), [("several", "classification"), ("one", "detection")])
def test_classes__that_may_be_absent_have_to_be_the_same(choice, kind):
    with pytest.raises(UsageError, match="do not answer the same"):
        joined(of_classes("a", "b", choice=choice, kind=kind), of_classes("a", choice=choice, kind=kind))


def test_classes__grades_in_another_order_are_refused():
    with pytest.raises(UsageError, match="grades"):
        joined(of_classes("1", "2", choice="ordered"), of_classes("2", "1", choice="ordered"))


def test_kinds__that_differ_are_refused():
    with pytest.raises(UsageError, match="kinds"):
        joined(made_task(), of_classes("a", "b"))
    with pytest.raises(UsageError, match="choices"):
        joined(of_classes("a", "b"), of_classes("a", "b", choice="several"))


def test_map__of_a_name_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="no such name to map"):
        joined(made_task(), made_task(), B={"names": {"spleen": "liver"}})


def test_targets__in_joint_names():
    source, joint = of_classes("a", "b"), of_classes("x", "b")
    said = Translation(names={"a": "x", "b": ""})
    assert translated_target(Classes(names=("a",)), said, source=source, joint=joint) == Classes(names=("x",))
    assert translated_target(Classes(names=("b",)), said, source=source, joint=joint) is None
    several = of_classes("x", choice="several")
    assert translated_target(Classes(names=("b",)), said, source=source, joint=several) == Classes(names=())
    unsure = Classes(names=("a",), unknown=("b",))
    assert translated_target(unsure, said, source=source, joint=several) == Classes(names=("x",))
    assert translated_target(Classes(names=("b",), unknown=("a",)), said, source=source, joint=several) is None
    both, into = Translation(names={"a": "x", "b": "x", "c": "c"}), of_classes("x", "c", choice="several")
    assert translated_target(unsure, both, source=source, joint=into) == Classes(names=("x",))
    unsure = Classes(names=("c",), unknown=("b",))
    assert translated_target(unsure, both, source=source, joint=into) == Classes(names=("c",), unknown=("x",))
    boxes = Boxes(boxes=tuple(Box(name=name, start=(0, 0), end=(1, 1)) for name in "ab"))
    found = translated_target(boxes, said, source=source, joint=joint)
    assert isinstance(found, Boxes) and [box.name for box in found.boxes] == ["x"]


def test_targets__numbers_in_the_joint_order():
    one, two = (Task(name="q", kind="regression", channels=CT, quantities=names) for names in (("b",), ("a", "b")))
    said = Translation(names={"b": "b"})
    assert translated_target(Quantities(numbers=(2.0,)), said, source=one, joint=two) == Quantities(numbers=(None, 2.0))


def test_mapping__texts_and_files(tmp_path):
    found = parse_mappings(["B:tumor=tumour,2=,=cyst", "A:x=y"], ["A", "B"])
    assert found["B"] == Renaming(names={"tumor": "tumour", "2": ""}, absent=("cyst",))
    assert found["A"].names == {"x": "y"}
    file = tmp_path / "map.json"
    file.write_text('{"B": {"a,b": "c:d", "": ["cyst"]}}')
    assert parse_mappings([str(file)], ["B"])["B"] == Renaming(names={"a,b": "c:d"}, absent=("cyst",))
    assert parse_mappings(["a:b:x=y"], ["a:b", "a"]) == {"a:b": Renaming(names={"x": "y"})}


@pytest.mark.parametrize("text", ["B", "B:", "B:x", "x=y", "C:x=y", "B:=", "B:x=y,"])
def test_mapping__that_makes_no_sense(text):
    with pytest.raises(UsageError):
        parse_mappings([text], ["A", "B"])


def test_join__the_order_of_sources_changes_no_mask():
    tasks = {"A": made_task(values={"a": (3,), "b": (1,)}), "B": made_task(values={"b": (3,), "a": (2,)})}
    for order in itertools.permutations(tasks):
        task, translations = join_tasks({name: tasks[name] for name in order}, {}, name="joint")
        for source in tasks:
            for region in tasks[source].regions:
                assert translations[source].values[region.values[0]] in regions(task)[region.name]


def test_findings__of_any_source_in_joint_names():
    plain = made_task()
    said = made_task(values={"tumour": (1,), "Liver": (2,)}, findings=("Liver",))
    assert joined(plain, plain)[0].findings is None
    assert joined(plain, said)[0].findings == ("liver", "tumour")  # a tumour by its name, in the other
    assert joined(said, said)[0].findings == ("Liver",)
