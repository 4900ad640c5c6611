"""How often the paired tests of `compare` and the tests of sub-groups are wrong where nothing differs, and what they find.

    python benchmarks/paired_tests.py [--studies 1000] [--only dice …] [-o benchmarks/results/paired_tests.json]

Nothing differs: of each kind of problem 1,000 pairs of models that could be exchanged, on 40 patients of one case, and on 30
patients of one to four cases each; the share with p < 0.05 of each test, beside the band in which 95 % of such shares lie if
it is 5 % (binomial). The tests that decide must lie within it: permutation. DeLong's, Wilcoxon's and McNemar's stand beside
them.

Of sub-groups: shuffled groups of 60 patients where nothing differs, with equal and unequal spread; and a planted failure: 15
of 60 patients in whom the model is worse, and how often it is found (p < 0.05 after Holm over three columns), and named as
the worst.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result
from scipy.special import expit
from scipy.stats import binom

from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.evaluation.cases.judged import MeasuredCase
from scanwright.evaluation.classes.answers import Answers
from scanwright.evaluation.comparing.contrast import Measured
from scanwright.evaluation.comparing.contrast_auroc import Areas
from scanwright.evaluation.comparing.contrast_boxes import Found, Precisions
from scanwright.evaluation.comparing.contrast_means import case_means
from scanwright.evaluation.comparing.subgroups import compare_subgroups

ALPHA, SAMPLES, SHUFFLES = 0.05, 399, 199
Make = Callable[[np.random.Generator, bool], Measured]


def owners_of(rng: np.random.Generator, *, several: bool) -> np.ndarray:
    """The patient of each case: 40 of one, or 30 of one to four."""
    return np.repeat(np.arange(30), rng.integers(1, 5, 30)) if several else np.arange(40)


def two(rng: np.random.Generator, owners: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Noise of two models that could be exchanged: partly of the patient, partly of the case, partly shared."""
    patients = owners.max() + 1
    shared = rng.normal(size=patients)[owners] + 0.5 * rng.normal(size=len(owners))
    return tuple(
        scale * (shared + rng.normal(size=patients)[owners] + 0.5 * rng.normal(size=len(owners))) for _ in "ab"
    )


def dice(rng: np.random.Generator, several: bool) -> Measured:
    """Skewed scores with rare failures."""
    owners = owners_of(rng, several=several)
    scores = [expit(2.2 + one) * (rng.random(len(owners)) > 0.04) for one in two(rng, owners, 0.5)]
    return case_means("dice", dict(zip("ab", scores, strict=True)), owners.tolist(), better="higher")


def distance(rng: np.random.Generator, several: bool) -> Measured:
    """Distances of surfaces, with a long tail."""
    owners = owners_of(rng, several=several)
    scores = [np.exp(1 + one) for one in two(rng, owners, 0.6)]
    return case_means("hd95_mm", dict(zip("ab", scores, strict=True)), owners.tolist(), better="lower")


def error(rng: np.random.Generator, several: bool) -> Measured:
    """Absolute errors of a quantity."""
    owners = owners_of(rng, several=several)
    scores = [np.abs(one) for one in two(rng, owners, 5.0)]
    return case_means("mae", dict(zip("ab", scores, strict=True)), owners.tolist(), better="lower")


def answers(rng: np.random.Generator, several: bool) -> dict[str, Answers]:
    """Probabilities of two classes by two models; a patient is sick or not."""
    owners = owners_of(rng, several=several)
    sick = rng.permutation(np.arange(owners.max() + 1) % 5 < 2)[owners].astype(int)
    chances = [expit(1.6 * sick - 0.8 + one) for one in two(rng, owners, 0.6)]
    return {
        name: Answers.of(np.stack([1 - one, one], axis=1), sick, one > 0.5, owners.tolist())
        for name, one in zip("ab", chances, strict=True)
    }


def auroc(rng: np.random.Generator, several: bool) -> Measured:
    """AUROC of such answers."""
    return Areas(answers(rng, several), (1,))


def accuracy(rng: np.random.Generator, several: bool) -> Measured:
    """Accuracy of such answers."""
    told = answers(rng, several)
    right = {name: one.right_share() for name, one in told.items()}
    return case_means("accuracy", right, told["a"].owners.tolist(), better="higher", is_share=True, is_ranked=False)


def boxes(rng: np.random.Generator, several: bool) -> Measured:
    """Boxes in a row, found or not by two models, with false ones."""
    owners = owners_of(rng, several=several)
    number = rng.integers(1, 4, len(owners))
    hard = rng.normal(size=owners.max() + 1)
    rows: dict[str, list[DetectedCase]] = {"a": [], "b": []}
    for case, (owner, true) in enumerate(zip(owners, number, strict=True)):
        corners = np.array([[(20.0 * k, 0, 0), (20.0 * k + 10, 10, 1)] for k in range(true)])
        shared = rng.normal(size=true)
        for model in rows.values():
            sure = expit(0.7 + 0.6 * hard[owner] + 0.6 * shared + rng.normal(size=true))
            hit = rng.random(true) < sure
            false = rng.random(rng.poisson(0.8)) * 0.7
            extra = np.array([[(500.0 + 20 * k, 50, 0), (510.0 + 20 * k, 60, 1)] for k in range(len(false))]).reshape(
                -1, 2, 3
            )
            found = np.concatenate([corners[hit], extra])
            model.append(
                DetectedCase(
                    case=str(case), patient=str(owner), found=found, scores=np.concatenate([sure[hit], false]),
                    codes=np.zeros(len(found), int), true=corners, true_codes=np.zeros(true, int), ignored=np.zeros(true, bool),
                )
            )  # fmt: skip
    return Precisions(Found(rows, num_classes=1))


KINDS: dict[str, Make] = {
    "dice": dice, "hd95_mm": distance, "mae": error, "auroc": auroc, "accuracy": accuracy, "map50": boxes,
}  # fmt: skip


def null_rates(make: Make, *, several: bool, studies: int) -> dict[str, Any]:
    """The share of studies in which each test claims a difference that is not there, and in which the interval holds 0."""
    ps: dict[str, list[float]] = {}
    held = []
    for seed in range(studies):
        measure = make(np.random.default_rng(seed), several)
        found = measure.pair("a", "b", level=0.95, seed=seed, samples=SAMPLES)
        held += [] if found.interval is None else [found.interval[0] <= 0 <= found.interval[1]]
        for test, p in found.p.items():
            ps.setdefault(test, []).append(1.0 if p is None else p)
    low, high = (float(end) / studies for end in binom.interval(0.95, studies, ALPHA))
    rates = {test: float(np.mean(np.array(one) <= ALPHA)) for test, one in ps.items()}
    first = next(iter(rates))
    return {
        "studies": studies,
        "wrong": rates,
        "band": [low, high],
        "decides": first,
        "within": low <= rates[first] <= high,
        "interval_holds_0": float(np.mean(held)) if held else None,
    }


def rows_by_group(owners: np.ndarray, columns: dict[str, np.ndarray]) -> list[MeasuredCase]:
    """Rows that say nothing but whose they are, and their groups. columns: of each patient."""
    return [
        MeasuredCase(
            case=str(place), patient=str(owner), predicted=(), truth=(),
            groups={name: str(values[owner]) for name, values in columns.items()},
        )
        for place, owner in enumerate(owners)
    ]  # fmt: skip


def one_model(
    kind: str, rng: np.random.Generator, worse: np.ndarray, noisy: np.ndarray, *, several: bool
) -> tuple[Measured, Any]:
    """A measure of one model on 60 patients. worse (60,): by how much each is harder; noisy (60,): the spread of each."""
    each = rng.integers(1, 4, 60) if several else np.ones(60, int)
    owners = np.repeat(np.arange(60), each)
    spread = noisy[owners] * (rng.normal(size=60)[owners] + 0.4 * rng.normal(size=len(owners)))
    if kind == "dice":
        scores = {"": 0.85 + 0.05 * spread - 0.05 * worse[owners]}
        return case_means("dice", scores, owners.tolist(), better="higher"), owners
    sick = rng.permutation(np.arange(60) % 2)[owners]
    apart = noisy[owners] * (1.2 - 0.6 * worse[owners])  # a larger spread alone leaves the area what it is
    chance = expit(apart * (2 * sick - 1) + spread)
    made = Answers.of(np.stack([1 - chance, chance], axis=1), sick, chance > 0.5, owners.tolist())
    return Areas({"": made}, (1,)), owners


def subgroup_rates(kind: str, *, several: bool, planted: float, uneven: bool, studies: int) -> dict[str, Any]:
    """How often some column is claimed to differ, and the planted one is, with its group as the worst."""
    claimed, named, single = 0, 0, 0
    for seed in range(studies):
        rng = np.random.default_rng(seed)
        site = rng.permutation(np.repeat(["A", "B", "C", "D"], 15))
        columns = {"site": site, "sex": rng.choice(["F", "M"], 60), "scanner": rng.choice(["X", "Y", "Z"], 60)}
        noisy = np.where(site == "B", 2.0, 1.0) if uneven else np.ones(60)
        measure, owners = one_model(kind, rng, planted * (site == "B"), noisy, several=several)
        tests = compare_subgroups([measure], rows_by_group(owners, columns), seed=seed, draws=SHUFFLES)
        found = {one.column: one for one in tests}
        hit = {name for name, one in found.items() if one.corrected is not None and one.corrected <= ALPHA}
        claimed += bool(hit)
        single += found["site"].p is not None and found["site"].p <= ALPHA
        named += "site" in hit and found["site"].worst() == "B"
    low, high = (float(end) / studies for end in binom.interval(0.95, studies, ALPHA))
    return {
        "studies": studies,
        "any_column_claimed": claimed / studies,
        "site_uncorrected": single / studies,
        "site_found_and_B_worst": named / studies,
        "band": [low, high],
    }


def all_of(studies: int, only: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every simulation by name."""
    for name, make in KINDS.items():
        for several in (False, True):
            if not only or name in only:
                yield (
                    f"{name}, {'several cases' if several else 'one case'} a patient",
                    null_rates(make, several=several, studies=studies),
                )
    if only and "subgroups" not in only:
        return
    for kind in ("dice", "auroc"):
        for several in (False, True):
            for planted, uneven in ((0.0, False), (0.0, True), (1.0, False), (2.0, False)):
                cases, spread = "several cases" if several else "one case", ", B twice as spread" if uneven else ""
                number = max(1, studies // 5) if planted else studies
                found = subgroup_rates(kind, several=several, planted=planted, uneven=uneven, studies=number)
                yield f"sub-groups by {kind}, {cases} a patient, planted {planted:g}{spread}", found


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=[], help=f"of {', '.join(KINDS)}, subgroups")
    parser.add_argument("-o", "--out", type=Path)
    asked = parser.parse_args()
    found = {}
    for name, one in all_of(asked.studies, asked.only):
        found[name] = one
        print(name, json.dumps(one), flush=True)
    if asked.out:
        write_result(asked.out, found)


if __name__ == "__main__":
    main()
