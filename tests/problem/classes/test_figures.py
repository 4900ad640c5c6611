"""Panels of a classification: which classes have which curves, and what those are of."""

import re

import numpy as np
import pytest

from classified_samples import made_answers
from scanwright.dataset.task import Channel, Task
from scanwright.evaluation.cases.judged import ClassifiedCase, answers_of
from scanwright.problem.classes.figures import MOST_CLASSES, acted_on, figures

NAMES = ("normal, benign", "B", "C", "D", "E", "F", "G", "H")


def made(choice, num_classes, number=80):
    """Rows and their task."""
    answers = made_answers(number, num_classes, choice=choice)
    several = choice == "several"
    rows = [
        ClassifiedCase(
            case=f"c{k}",
            patient=f"p{k}",
            fold=k % 5,
            probabilities=tuple(answers.probabilities[k].tolist()),
            truth=tuple(answers.truth[k].tolist()) if several else int(answers.truth[k]),
            decision=tuple(answers.decisions[k].tolist()) if several else int(answers.decisions[k]),
        )
        for k in range(number)
    ]
    channels = (Channel(name="X", modality="xray"),)
    task = Task(name="t", kind="classification", classes=NAMES[:num_classes], choice=choice, channels=channels)
    return rows, task


def curves_of(found):
    """What the decision curves are of, by their axes."""
    labels = [re.search(rb'aria-label="([^"]*)"', panel).group(1).decode() for one in found for panel in one.panels]
    return [text.split(" / ")[1].split(":")[0] for text in labels if text.startswith("net benefit")]


@pytest.mark.parametrize(
    ("choice", "num_classes", "expected"),
    [
        ("one", 2, ["B"]),
        ("one", 3, ["normal, benign", "B", "C"]),
        ("several", 2, ["normal, benign", "B"]),
        ("ordered", 3, ["above normal, benign", "above B"]),
        ("one", 8, list(NAMES[:MOST_CLASSES])),
    ],
)
def test_decision_curves__of_what_one_could_act_on(choice, num_classes, expected):
    found = figures(*made(choice, num_classes))
    assert curves_of(found) == expected
    assert sum("Decision curves" in one.caption for one in found) == 1
    assert ("Whether probabilities hold" in found[-1].caption) == (num_classes == 2 and choice == "one")


def test_acted_on__above_a_grade_is_all_grades_beyond_it():
    rows, task = made("ordered", 4)
    found = list(acted_on(answers_of(rows, choice="ordered"), task, range(4)))
    name, view = found[1]
    assert name == "above B" and len(found) == 3
    assert view.scores == pytest.approx([sum(row.probabilities[2:]) for row in rows])
    assert view.positive.tolist() == [row.truth >= 2 for row in rows] and np.max(view.scores) <= 1
