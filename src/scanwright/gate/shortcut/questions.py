"""What a data set asks, as questions with yes or no: for each labelled training case, does the answer hold?

classification   each class against the rest; grades: above the median grade
segmentation     each region: is it there? Where it always is: is it larger than its median? Of several: is any there?
regression       each quantity: above its median?
detection        each class of boxes: is there any? Of several: is any box there? More boxes than the median?
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from scanwright.dataset.cases import Boxes, Case, Classes, Quantities
from scanwright.dataset.facts import CaseFacts
from scanwright.gate.cohort import Cohort

MOST_CLASSES = 20
MM3_PER_ML = 1000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """name: what is asked, in words that go after "tells". yes: by case id.

    is_answer: whether it is what the task asks for; the size of a region and the number of boxes are not, but come with it.
    """

    name: str
    yes: Mapping[str, bool]
    is_answer: bool = True


def questions(cohort: Cohort) -> tuple[Question, ...]:
    """All questions that some cases answer with yes and some with no: those of the task, then those that come with it.

    Of several with the same answers the first is asked. At most the 20 most frequent classes are asked for.
    """
    cases = [case for case in cohort.cases if case.split == "train" and case.is_labelled]
    asked = {
        "classification": _classes,
        "segmentation": _regions,
        "regression": _quantities,
        "detection": _boxes,
        "anomaly": _classes,
    }[cohort.dataset.task.kind](cohort, cases)
    distinct: dict[frozenset[tuple[str, bool]], Question] = {}
    for question in sorted(asked, key=lambda question: not question.is_answer):
        if len(set(question.yes.values())) == 2:
            distinct.setdefault(frozenset(question.yes.items()), question)
    return tuple(distinct.values())


def volume_of(facts: CaseFacts, region: str) -> float:
    """A region's volume in ml; on pictures its share of the picture, which has no scale. 0 where it is not there."""
    voxels = facts.region_voxels.get(region, 0)
    if facts.unit == "mm":
        return voxels * facts.voxel_volume / MM3_PER_ML
    return voxels / float(np.prod(facts.shape, dtype=float))


def box_counts(case: Case) -> Counter[str]:
    """How many boxes of each class a case has; those that are ignored do not count."""
    boxes = case.target.boxes if isinstance(case.target, Boxes) else ()
    return Counter(box.name for box in boxes if not box.ignored)


def above_median(numbers: Mapping[str, float]) -> dict[str, bool]:
    """For each case whether its number is above the median; of few different numbers, the more even of two cuts.

    >>> above_median({"a": 1, "b": 2, "c": 3, "d": 4}), above_median({"a": 1, "b": 1, "c": 1, "d": 0})
    ({'a': False, 'b': False, 'c': True, 'd': True}, {'a': True, 'b': True, 'c': True, 'd': False})
    """
    if not numbers:
        return {}
    middle = float(np.median(list(numbers.values())))
    cuts = ({case: number > middle for case, number in numbers.items()},
            {case: number >= middle for case, number in numbers.items()})  # fmt: skip
    return min(cuts, key=lambda cut: abs(2 * sum(cut.values()) - len(cut)))


def _classes(cohort: Cohort, cases: list[Case]) -> Iterator[Question]:
    task = cohort.dataset.task
    targets = {case.id: case.target for case in cases if isinstance(case.target, Classes)}
    held = {case: target.names for case, target in targets.items()}
    if task.choice == "ordered":
        grades = {case: float(task.classes.index(names[0])) for case, names in held.items() if names}
        yield Question(name="a high grade", yes=above_median(grades))
        return
    times = Counter(name for names in held.values() for name in names)
    asked = [name for name in task.classes if times[name]]
    if task.choice == "one" and len(asked) == 2:
        asked = asked[1:]
    for name in sorted(asked, key=lambda name: -times[name])[:MOST_CLASSES]:
        said = {case: target.says(name) for case, target in targets.items()}
        yield Question(name=name, yes={case: one for case, one in said.items() if one is not None})


def _regions(cohort: Cohort, cases: list[Case]) -> Iterator[Question]:
    for region in cohort.dataset.task.regions:
        volumes = {case.id: volume_of(cohort.facts[case.id], region.name) for case in cases if case.label is not None}
        present = {case: volume > 0 for case, volume in volumes.items()}
        yield Question(name=region.name, yes=present)
        if all(present.values()):
            yield Question(name=f"a large {region.name}", yes=above_median(volumes), is_answer=False)
    labelled = [case.id for case in cases if case.label is not None]
    yield Question(name="any region", yes={case: any(cohort.facts[case].region_voxels.values()) for case in labelled})


def _quantities(cohort: Cohort, cases: list[Case]) -> Iterator[Question]:
    for at, name in enumerate(cohort.dataset.task.quantities):
        rows = {case.id: case.target.numbers[at] for case in cases if isinstance(case.target, Quantities)}
        known = {case: number for case, number in rows.items() if number is not None}
        yield Question(name=f"a high {name}", yes=above_median(known))


def _boxes(cohort: Cohort, cases: list[Case]) -> Iterator[Question]:
    counts = {case.id: box_counts(case) for case in cases}
    times = Counter(name for found in counts.values() for name in found)
    for name in sorted(cohort.dataset.task.classes, key=lambda name: -times[name])[:MOST_CLASSES]:
        yield Question(name=name, yes={case: found[name] > 0 for case, found in counts.items()})
    yield Question(name="any box", yes={case: found.total() > 0 for case, found in counts.items()})
    totals = {case: float(found.total()) for case, found in counts.items()}
    yield Question(name="many boxes", yes=above_median(totals), is_answer=False)
