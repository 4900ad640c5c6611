"""What is held against groups and splits: nothing that nobody said."""

from pathlib import Path

from made_folders import made_case, made_facts
from scanwright.dataset.cases import Classes, Dataset
from scanwright.dataset.task import Channel, Task
from scanwright.gate.cohort import Cohort
from scanwright.gate.comparison.measured import words_of


def test_words_of__a_label_that_is_not_known_is_no_word():
    channels = (Channel(name="X", modality="xray"),)
    task = Task(name="t", kind="classification", classes=("a", "b"), choice="several", channels=channels)
    targets = [Classes(names=("a",)), Classes(names=("b",), unknown=("a",))]
    cases = tuple(made_case(f"p{k}", label=None, target=target) for k, target in enumerate(targets))
    dataset = Dataset(root=Path("root"), layout="made", stated="", task=task, cases=cases)
    words = words_of(Cohort(dataset=dataset, facts={case.id: made_facts(case.id) for case in cases}))
    assert (words["a"], words["b"]) == ({"p0": "yes"}, {"p0": "no", "p1": "yes"})
