"""Curves of a classification for the page: how well classes are ranked, whether probabilities hold, what is taken for what."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from scanwright.dataset.task import Task
from scanwright.evaluation.cases.judged import ClassifiedCase, answers_of
from scanwright.evaluation.classes.answers import Answers, View
from scanwright.evaluation.classes.curves import Curve, pr_curve, roc_curve
from scanwright.evaluation.classes.decision_curve import decision_curve
from scanwright.evaluation.classes.reliability import reliability_curve
from scanwright.figures.discrimination import Banded, pr_plot, roc_plot
from scanwright.figures.matrix import confusion_plot
from scanwright.figures.plots import shortened
from scanwright.figures.probability import Bin, decision_plot, reliability_plot
from scanwright.report.results_content import Figure
from scanwright.types import Floats

MOST_CLASSES = 6
"""Classes with panels of their own; of more, the first so many."""
COUNT_BINS = 20
HELD = "Whether probabilities hold: of the cases given about 0.8, are 80 % positive? Bars count cases."
WORTH = "Decision curves weigh true positives against false ones at each threshold from which to act (Vickers and Elkin 2006)."


def figures(rows: Sequence[ClassifiedCase], task: Task, *, probable: bool = True) -> tuple[Figure, ...]:
    """The confusion matrix; of each class ROC and precision-recall curve, reliability and decision curve.

    Of two classes those of the positive one; of grades the decision curves are of "above" each grade but the last. probable:
    whether the numbers of the rows are probabilities; scores rank cases, and have none of the last two.
    """
    answers = answers_of(rows, choice=task.choice)
    shown = [len(task.classes) - 1] if answers.is_binary else list(range(min(MOST_CLASSES, len(task.classes))))
    made = [*_matrix(answers, task), *_discrimination(answers, task, shown, probable=probable)]
    return tuple([*made, *(_probability(answers, task, shown) if probable else ())])


def _matrix(answers: Answers, task: Task) -> Iterator[Figure]:
    if answers.choice == "several":
        return
    counts = np.zeros((len(task.classes),) * 2, dtype=np.int64)
    np.add.at(counts, (answers.truth, answers.decisions), 1)
    yield Figure(
        panels=(confusion_plot(counts, task.classes, row_label="truth", column_label="told as"),),
        caption="Cases by truth and by what they were told as, with shares of each row.",
    )


def _discrimination(answers: Answers, task: Task, shown: Sequence[int], *, probable: bool) -> Iterator[Figure]:
    panels = []
    for k in shown:
        view, name = answers.view(k), task.classes[k]
        roc = roc_curve(view, num_patients=answers.num_patients)
        precision = pr_curve(view, num_patients=answers.num_patients)
        if roc is None or precision is None:
            continue
        prevalence = float(np.mean(view.positive))
        panels.append(roc_plot(_banded(roc), x_label=f"{name}: false positive rate", y_label="sensitivity"))
        panels.append(
            pr_plot(_banded(precision), prevalence=prevalence, x_label=f"{name}: sensitivity", y_label="precision")
        )
    if panels:
        number = "probability" if probable else "score"
        yield Figure(
            panels=tuple(panels),
            caption=f"How well the {number} of a class ranks cases that have it above others. Bands hold 95 % of studies "
            "at each point (patients drawn with replacement); dashed, chance.",
        )


def _banded(curve: Curve) -> Banded:
    return Banded(x=curve.x, y=curve.y, low=curve.low, high=curve.high)


def _probability(answers: Answers, task: Task, shown: Sequence[int]) -> Iterator[Figure]:
    """Of two classes one figure, the two panels side by side; else one of reliability and one of decision curves."""
    held = [panel for k in shown for panel in _reliability(answers, task, k)]
    worth = [panel for name, view in acted_on(answers, task, shown) for panel in _decision(name, view)]
    parts = [(held + worth, f"{HELD} {WORTH}")] if answers.is_binary else [(held, HELD), (worth, WORTH)]
    for panels, caption in parts:
        if panels:
            yield Figure(panels=tuple(panels), caption=caption)


def acted_on(answers: Answers, task: Task, shown: Sequence[int]) -> Iterator[tuple[str, View]]:
    """What one could act on, by name, and whether it came true: each class against the rest; of grades "above" each.

    Who treats from a grade on acts on the probability of all grades from there on, not on that of one grade.
    """
    for k in shown:
        view, name = answers.view(k), shortened(task.classes[k])
        if answers.choice != "ordered":
            yield name, view
        elif k + 1 < answers.num_classes:
            chances = np.clip(answers.probabilities[:, k + 1 :].sum(axis=1), 0.0, 1.0)
            above = replace(view, scores=chances, positive=answers.truth > k, decided=answers.decisions > k)
            yield f"above {name}", above


def _reliability(answers: Answers, task: Task, k: int) -> Iterator[bytes]:
    view = answers.view(k)
    if not len(view.scores):
        return
    bins = [
        Bin(
            predicted=one.predicted,
            observed=one.observed,
            low=None if one.interval is None else one.interval[0],
            high=None if one.interval is None else one.interval[1],
            title=f"{one.cases} cases: given {one.predicted:.2f}, were {one.observed:.2f}",
        )
        for one in reliability_curve(view.scores, view.positive, view.owners.tolist())
    ]
    counts = np.histogram(view.scores, bins=COUNT_BINS, range=(0, 1))[0].tolist()
    yield reliability_plot(
        bins, counts, x_label=f"{task.classes[k]}: probability", y_label="share that has it", count_label="cases"
    )


def _decision(name: str, view: View) -> Iterator[bytes]:
    curve = decision_curve(view.scores, view.positive, view.owners.tolist())
    if curve is None:
        return
    known = [one for one in curve.intervals if one is not None]
    band: tuple[Floats, Floats] | None = None
    if len(known) == len(curve.intervals):
        band = np.array([one[0] for one in known]), np.array([one[1] for one in known])
    yield decision_plot(
        curve.thresholds,
        curve.model,
        curve.all,
        band,
        x_label=f"{name}: probability from which to act",
        y_label="net benefit",
        names=("model", "act on all", "act on none"),
    )
