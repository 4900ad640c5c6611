"""Made answers of classifiers, for tests of evaluation."""

import numpy as np

from scanwright.dataset.task import Choice
from scanwright.evaluation.classes.answers import Answers


def made_answers(
    num_cases: int,
    num_classes: int = 2,
    *,
    choice: Choice = "one",
    skill: float = 1.5,
    seed: int = 0,
    digits: int | None = None,
    cases_each: int = 1,
    missing: tuple[int, ...] = (),
) -> Answers:
    """A classifier of some skill. digits: round probabilities, for ties. missing: classes that never occur."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(num_cases, num_classes))
    patients = [f"P{k // cases_each}" for k in range(num_cases)]
    if choice == "several":
        truth = rng.random((num_cases, num_classes)) < 0.3
        truth[:, list(missing)] = False
        chances = 1 / (1 + np.exp(-(logits + skill * truth - 1)))
        chances = chances if digits is None else chances.round(digits)
        return Answers.of(chances, truth, chances > 0.5, patients, choice=choice)
    truth = rng.choice([k for k in range(num_classes) if k not in missing], size=num_cases)
    logits[np.arange(num_cases), truth] += skill
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if digits is not None:
        chances = chances.round(digits)
        chances[:, -1] = 1 - chances[:, :-1].sum(axis=1)
        chances = np.abs(chances)
        chances /= chances.sum(axis=1, keepdims=True)
    return Answers.of(chances, truth, chances.argmax(axis=1), patients, choice=choice)
