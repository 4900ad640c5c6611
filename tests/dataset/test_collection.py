"""What a collection declares beside its table."""

import pytest

from made_folders import made_case, made_task, picture, write_png
from scanwright.dataset.cases import Classes
from scanwright.dataset.collection import Listing, write_declaration
from scanwright.dataset.declare import read_declaration
from scanwright.dataset.placing import Placed
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Channel, Task

CT = (Channel(name="CT", modality="ct"),)


@pytest.mark.parametrize("findings", [None, (), ("liver",)])
def test_declaration__which_regions_are_findings(tmp_path, findings):
    write_declaration(tmp_path, made_task(findings=findings))
    assert read_declaration(tmp_path).findings == findings


def test_rows__labels_that_are_not_known_come_back_so(tmp_path):
    classes = ("mass", "oedema", "?nodule")
    task = Task(name="t", kind="classification", channels=CT, classes=classes, choice="several")
    targets = {
        "a": Classes(names=("mass",), unknown=("oedema",)),
        "b": Classes(names=("?nodule",), unknown=("mass", "oedema")),
        "c": Classes(names=()),
        "d": Classes(names=(), unknown=("mass",)),
    }
    listing = Listing(root=tmp_path, task=task)
    for number, (name, target) in enumerate(targets.items()):
        file = f"images/{name}.png"
        write_png(tmp_path / file, picture(number)[0])
        listing.add(made_case(name, label=None, target=target), Placed(images=(file,)), size=(0, 0))
    listing.write()
    write_declaration(tmp_path, task)
    assert {case.id: case.target for case in read_dataset(tmp_path).cases} == targets
