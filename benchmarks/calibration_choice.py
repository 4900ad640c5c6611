"""What choosing a calibration by cross-fitted log loss is worth, on made probabilities whose truth is known.

    python benchmarks/calibration_choice.py [--studies 20] [-o FILE]

Two classes. The true log-odds are normal with a deviation of 2; a model says them as they are ("hold"), three times ("too
sure"), with an offset of 1 ("shifted"), or bent so that one slope and one offset do not mend it ("bent"). Each calibration is
fitted on so many cases in five folds and judged by its log loss on 20,000 further cases, less that of the true
probabilities. "auto" is what `calibration_choice.calibration_of` takes.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from record import write_result
from scipy.special import expit

from scanwright.evaluation.calibration.calibration import calibrate
from scanwright.evaluation.calibration.calibration_choice import Choice, calibration_of, chosen_method
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.classes.reliability import binary_log_loss
from scanwright.types import Floats

SAYINGS: dict[str, Callable[[Floats], Floats]] = {
    "hold": lambda odds: odds,
    "too sure": lambda odds: 3 * odds,
    "shifted": lambda odds: odds + 1,
    "bent": lambda odds: np.where(odds > 0, 4 * odds, 0.4 * odds),
}
METHODS: tuple[Choice, ...] = ("none", "temperature", "platt", "vector", "isotonic", "auto")


def study(says: Callable[[Floats], Floats], cases: int, seed: int) -> tuple[dict[str, float], str]:
    """The excess log loss of each method, and what "auto" took."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 2, cases + 20_000)
    positive = rng.random(len(odds)) < expit(odds)
    said = expit(says(odds))
    chances = np.stack([1 - said, said], axis=1)
    learned = Answers.of(chances[:cases], positive[:cases].astype(int), chances[:cases].argmax(axis=1), range(cases))
    folds = np.arange(cases) % 5
    least = binary_log_loss(expit(odds[cases:]), positive[cases:]).mean()
    losses: dict[str, float] = {}
    for method in METHODS:
        found = calibration_of(learned, choice=method, folds=folds)
        told = calibrate(chances[cases:], found)[:, 1]
        losses[method] = float(binary_log_loss(told, positive[cases:]).mean() - least)
    return losses, chosen_method(learned, folds)


def main() -> None:
    """A row for each way to say it and number of cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    rows = []
    print(f"{'probabilities':14}{'cases':>7}" + "".join(f"{name:>13}" for name in METHODS) + "   taken")
    for name, says in SAYINGS.items():
        for cases in (50, 200, 1000, 5000):
            found = [study(says, cases, seed) for seed in range(given.studies)]
            means = {method: 1000 * float(np.mean([one[method] for one, _ in found])) for method in METHODS}
            taken = {one: sum(other == one for _, other in found) for _, one in found}
            rows.append({"says": name, "cases": cases, "excess_times_1000": means, "taken": taken})
            told = "".join(f"{means[one]:13.1f}" for one in METHODS)
            print(f"{name:14}{cases:7}{told}   {taken}", flush=True)
    if given.out:
        write_result(given.out, rows)


if __name__ == "__main__":
    main()
