"""How often the intervals of a learning curve hold the truth, in made studies of which the truth is known.

    python benchmarks/learning_curve.py [--studies 100] [-o FILE]

Judged patients differ in level and by chance at each share; each fold has drawn its training cases, which moves its points.
What is withheld is not counted among the intervals: "said" tells how many there were.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result

from scanwright.evaluation.intervals.learning_curve import MULTIPLES, Curve, Point, learning_curve

SHARES = np.array([0.125, 0.25, 0.5, 1.0])
DRAWS = 300
Law = tuple[float, float, float]
USUAL: Law = (0.1, 0.15, 0.5)
STUDIES: dict[str, dict[str, Any]] = {
    "usual": {},
    "nothing by the draw": {"by_draw": 0.0},
    "much by the draw": {"by_draw": 0.04},
    "soon level": {"truth": (0.05, 0.05, 1.0)},
    "slow": {"truth": (0.0, 0.2, 0.2)},
    "60 patients": {"patients": 60},
    "3 folds": {"folds": 3},
    "one fold": {"folds": 1, "by_draw": 0.0},
    "level": {"truth": (0.2, 0.0, 0.5)},
}


def study(
    rng: np.random.Generator, *, truth: Law = USUAL, patients: int = 200, folds: int = 5, by_draw: float = 0.02
) -> Curve:
    """One study's curve."""
    floor, drop, rate = truth
    fold = np.arange(patients) % folds
    errors = floor + drop * SHARES**-rate + rng.normal(0, by_draw, (folds, len(SHARES)))[fold]
    scores = 1 - errors + rng.normal(0, 0.12, (patients, 1)) + rng.normal(0, 0.06, errors.shape)
    drawn = rng.multinomial(patients, np.full(patients, 1 / patients), size=DRAWS) @ scores / patients
    by_fold = np.array([scores[fold == one].mean(axis=0) for one in range(folds)])
    points = [
        Point(share=share, cases=100 * share, patients=100 * share, value=value)
        for share, value in zip(SHARES.tolist(), scores.mean(axis=0).tolist(), strict=True)
    ]
    return learning_curve(points, drawn, by_fold=by_fold if folds > 1 else None, num_patients=patients)


def held(studies: int, *, truth: Law = USUAL, **kind: Any) -> dict[str, dict[str, int]]:
    """Of each multiple, in how many studies something was said, and in how many of these the interval held the truth."""
    rng = np.random.default_rng(0)
    found: dict[float, list[bool]] = {multiple: [] for multiple in MULTIPLES}
    floor, drop, rate = truth
    for _ in range(studies):
        for one in study(rng, truth=truth, **kind).expected:
            if one.interval is not None:
                low, high = one.interval
                found[one.multiple].append(low <= 1 - floor - drop * one.multiple**-rate <= high)
    return {str(multiple): {"said": len(of), "held": int(sum(of))} for multiple, of in found.items()}


def main() -> None:
    """Print and write the table."""
    words = argparse.ArgumentParser()
    words.add_argument("--studies", type=int, default=100)
    words.add_argument("-o", type=Path)
    given = words.parse_args()
    result = {name: held(given.studies, **kind) for name, kind in STUDIES.items()}
    for name, found in result.items():
        print(f"{name:22}", *(f"x{multiple}: {one['held']}/{one['said']}" for multiple, one in found.items()), sep="  ")
    if given.o:
        write_result(given.o, {"studies": given.studies, "held": result})


if __name__ == "__main__":
    main()
