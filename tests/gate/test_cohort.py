"""Which cases a split sets apart."""

from pathlib import Path

from made_folders import made_facts
from scanwright.dataset.cases import Case, Dataset
from scanwright.dataset.split import Fold, Splits
from scanwright.dataset.task import Channel, Region, Task
from scanwright.gate.cohort import OWN_SPLIT, Cohort

TASK = Task(name="t", channels=(Channel(name="CT", modality="ct"),), regions=(Region(name="a", values=(1,)),))


def cohort_of(names: str, *, test: str = "", splits: Splits | None = None) -> Cohort:
    cases = tuple(
        Case(id=name, images=(Path(name),), patient=name, split="test" if name in test else "train") for name in names
    )
    dataset = Dataset(root=Path("root"), layout="made", stated="", task=TASK, cases=cases)
    return Cohort(dataset=dataset, facts={name: made_facts(name) for name in names}, splits=splits)


def test_parted__declared_test() -> None:
    cohort = cohort_of("abc", test="c")
    assert cohort.parted("a", "b") is None
    assert cohort.parted("a", "c") == ("the data set's own split", "train", "test")


def test_parted__no_split() -> None:
    cohort = cohort_of("ab")
    assert cohort.partitions == {} and cohort.parted("a", "b") is None


def test_parted__folds() -> None:
    folds = (Fold(train=("a", "b"), validation=("c",)), Fold(train=("a", "c"), validation=("b",)))
    cohort = cohort_of("abcd", splits=Splits(folds=folds, test=("d",), source="s"))
    assert cohort.parted("a", "b") == ("fold 1", "train", "validation")
    assert cohort.parted("c", "a") == ("fold 0", "validation", "train")
    assert cohort.parted("d", "a") == ("fold 0", "test", "train")


def test_parted__test_cases_without_label() -> None:
    folds = (Fold(train=("a",), validation=("b",)),)
    cohort = cohort_of("abc", test="c", splits=Splits(folds=folds, source="s"))
    assert cohort.parted("c", "a") == ("fold 0", "test", "train")


def test_cases__only_those_with_facts() -> None:
    cohort = cohort_of("ab")
    fewer = Cohort(dataset=cohort.dataset, facts={"b": cohort.facts["b"]})
    assert [case.id for case in fewer.cases] == ["b"] and list(fewer.by_id) == ["b"]


def test_partitions__a_file_that_sets_test_cases_apart_alone() -> None:
    cohort = cohort_of("abc", splits=Splits(folds=(), test=("b",), source="s.csv"))
    assert cohort.partitions == {OWN_SPLIT: {"a": "train", "b": "test", "c": "train"}}
