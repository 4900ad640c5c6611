"""Does a rule of the planner earn its place? Its value against its neighbours, on several data sets and seeds.

    python benchmarks/rules.py DATA [DATA …] [--rules NAME …] [--seeds 0 1 2] [--steps N] -o benchmarks/results/rules.json

Each combination is one `scanwright train … --fold 0 --steps N --set …` with the same split. What makes a step dearer gets fewer
steps (`share`, from the time of a step on two cores), so that values are compared at equal cost. Two runs at a time, one
thread each: with a number of steps, the load of the machine changes no result. A row is kept as soon as its run has ended, and
the same command goes on where it was stopped.

At the end the table of docs/design/0004-rules.md is printed from the rows that are kept; a command whose runs have all ended
prints it and runs nothing. For each value: mean Dice of each seed, and the mean difference to the planner's own value with the
same seed, with a 95 % bootstrap interval in which both seeds and patients are drawn: three trainings may differ by more than
any set of patients does. A seed in italics is LATE or more below the best seed of its value: in so few steps that run has not
learned some region, or nothing at all, and the mean then says how often that happens rather than how good the value is.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result

from scanwright.files import read_json
from scanwright.runtime import generator
from scanwright.types import Floats

SAMPLES = 10_000
LATE = 0.05
OWN = "the planner's"


@dataclass(frozen=True)
class Value:
    """A value of a rule: what is set, and the share of the steps that cost as much."""

    name: str
    sets: tuple[str, ...]
    share: float = 1.0


Plan = dict[str, Any]
"""What plan.json holds."""


def spacing(plan: Plan) -> tuple[Value, ...]:
    """The finest edges as they are and coarser ones; none for pictures without a scale."""
    edges = plan["preprocess"]["spacing"] or []
    least = [factor * max(edges, default=0) for factor in (1, 1.25, 1.6, 2) if edges]
    return tuple(
        Value(f"edges of at least {edge:.2f} mm", (f"preprocess.spacing={[max(edge, one) for one in edges]}",))
        for edge in least
    )


def learning_rate(plan: Plan) -> tuple[Value, ...]:
    """Half and twice."""
    rate = plan["training"]["learning_rate"]
    return tuple(
        Value(name, (f"training.learning_rate={factor * rate:g}",)) for name, factor in (("half", 0.5), ("twice", 2))
    )


def optimiser(_: Plan) -> tuple[Value, ...]:
    """The two that others use, each with the learning rate that is usual for it."""
    return (
        Value("AdamW 0.003", ("training.optimizer=adamw", "training.learning_rate=0.003")),
        Value("SGD 0.01", ("training.optimizer=sgd", "training.learning_rate=0.01")),
    )


def width(plan: Plan) -> tuple[Value, ...]:
    """Fewer and more features, at equal time: the shares were measured with 16 and 24 features."""
    widths = plan["network"]["widths"]
    return tuple(
        Value(name, (f"network.widths={[8 * round(factor * one / 8) for one in widths]}",), share)
        for name, factor, share in (("two thirds", 2 / 3, 2.0), ("four thirds", 4 / 3, 0.61))
    )


def mirror(_: Plan) -> tuple[Value, ...]:
    """No axis, left and right, every axis."""
    return (
        Value("no axis", ("augment.mirror=[false,false,false]",)),
        Value("left and right", ("augment.mirror=[false,false,true]",)),
        Value("every axis", ("augment.mirror=[true,true,true]",)),
    )


def warp_share(_: Plan) -> tuple[Value, ...]:
    """How many samples are turned, scaled and bent."""
    return tuple(Value(f"{share:g}", (f"augment.warp_share={share:g}",)) for share in (0, 0.3, 0.6, 1))


def augmentation(plan: Plan) -> tuple[Value, ...]:
    """No random change but mirroring, and ranges twice as wide."""
    grey = ("gamma", "contrast", "brightness", "noise")
    still = (*(f"augment.{name}=0" for name in ("scale", *grey)), "augment.rotate_deg=[0,0,0]")
    strong = (
        *(f"augment.{name}={2 * plan['augment'][name]:g}" for name in ("scale", *grey)),
        f"augment.rotate_deg={[2 * degrees for degrees in plan['augment']['rotate_deg']]}",
        "augment.blur_voxels=1",
        "augment.low_resolution=2",
    )
    return Value("none", still), Value("strong", strong)


def deep_supervision(_: Plan) -> tuple[Value, ...]:
    """Losses at coarser levels too."""
    return (Value("on", ("network.deep_supervision=true",)),)


def residual(_: Plan) -> tuple[Value, ...]:
    """Blocks with a skip."""
    return (Value("on", ("network.residual=true",)),)


def batch(plan: Plan) -> tuple[Value, ...]:
    """Half and twice as many patches a step, at equal time."""
    size = plan["batch"]["size"]
    return tuple(
        Value(f"{other} patches", (f"batch.size={other}",), size / other) for other in (size // 2, size * 2) if other
    )


def averaging(_: Plan) -> tuple[Value, ...]:
    """The last weights instead of their average."""
    return (Value("off", ("training.ema_decay=0",)),)


def foreground(_: Plan) -> tuple[Value, ...]:
    """How many patches are centred on a region."""
    return (
        Value("none", ("batch.foreground_share=0",)),
        Value("two of three", ("batch.foreground_share=0.67",)),
    )


def class_weights(_: Plan) -> tuple[Value, ...]:
    """All classes alike."""
    return (Value("off", ("training.class_weights=[]",)),)


def overlap(_: Plan) -> tuple[Value, ...]:
    """Windows that overlap by a quarter instead of half."""
    return (Value("a quarter", ("inference.step_share=0.75",)),)


RULES: dict[str, Callable[[Plan], tuple[Value, ...]]] = {
    rule.__name__: rule
    for rule in (
        spacing, learning_rate, optimiser, width, mirror, warp_share, augmentation, deep_supervision, residual, batch,
        averaging, foreground, class_weights, overlap,
    )
}  # fmt: skip
"""The neighbours of what the planner decided for a data set, by the name of the rule."""


@dataclass(frozen=True)
class Job:
    """One training. The planner's own value is named once for all rules."""

    data: str
    rule: str
    value: str
    seed: int
    steps: int
    sets: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.data} | {self.rule} | {self.value} | seed {self.seed} | {self.steps} steps"


def own_jobs(data: Path, seeds: Sequence[int], steps: int, base: tuple[str, ...]) -> list[Job]:
    """The planner's own values, seed by seed."""
    return [Job(data.name, OWN, OWN, seed, steps, base) for seed in seeds]


def neighbours(own: Job, rules: Sequence[str], plan: dict[str, Any]) -> list[Job]:
    """Every other value of the rules; none that the plan has anyway."""
    values = [
        (rule, value)
        for rule in rules
        for value in RULES[rule](plan)
        if any(differs(plan, word) for word in value.sets)
    ]
    return [
        replace(own, rule=rule, value=value.name, steps=round(value.share * own.steps), sets=(*own.sets, *value.sets))
        for rule, value in values
    ]


def differs(plan: dict[str, Any], word: str) -> bool:
    """Whether "section.name=value" is not what the plan has."""
    name, _, text = word.partition("=")
    section, key = name.split(".")
    return bool(plan[section][key] != (json.loads(text) if text[0] in "[0123456789tf" else text))


def dice_by_case(file: Path) -> dict[str, tuple[str, float]]:
    """Patient and mean Dice over the regions, of each case in cases.csv."""
    with file.open() as lines:
        return {row["case"]: (row["patient"], float(row["dice"])) for row in csv.DictReader(lines) if row["dice"]}


def run(job: Job, data: Path) -> dict[str, Any]:
    """Train as the job says, in a folder that is removed afterwards."""
    given = [*job.sets, f"training.seed={job.seed}", "training.threads=1"]
    sets = {word.partition("=")[0]: word for word in given}.values()  # what a rule sets outdoes what every run sets
    with tempfile.TemporaryDirectory() as folder:
        words = [str(Path(sys.executable).with_name("scanwright")), "train", str(data), "-o", f"{folder}/run"]
        words += ["--fold", "0", "--steps", str(job.steps), *(word for value in sets for word in ("--set", value))]
        alone = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(words, env=alone, capture_output=True, text=True, check=False)
        if done.returncode == 2 and job.rule != OWN:  # this value does not go with what every run sets
            return {"sets": job.sets, "refused": done.stderr[-300:]}
        if done.returncode:
            raise RuntimeError(f"{job.key}: {done.stderr[-500:]}")
        made = Path(folder, "run")
        seconds = read_json(made / "run.json")["stages"]["train"]["seconds"]
        cases = dice_by_case(made / "cases.csv")
        plan = read_json(made / "plan.json") if job.rule == OWN else None
    mean = statistics.fmean(score for _, score in cases.values())
    return {"sets": job.sets, "train_s": seconds, "dice": mean, "cases": cases, "plan": plan}


def table(rows: dict[str, Any], jobs: Sequence[Job]) -> list[str]:
    """Markdown with a line for each value of which every seed has run."""
    lines = [
        "| data | rule | instead of the planner's value | Dice by seed | difference | seeds and patients |",
        "| --- | --- | --- | --- | ---: | --- |",
    ]
    for (data, rule, value), same in grouped(jobs).items():
        own = [job for job in jobs if job.data == data and job.rule == OWN]
        if not all("cases" in rows.get(job.key, {}) for job in (*same, *own)):
            continue
        dice = [rows[job.key]["dice"] for job in same]
        seeds = ", ".join(f"*{one:.3f}*" if one < max(dice) - LATE else f"{one:.3f}" for one in dice)
        if rule == OWN:
            lines.append(f"| {data} | {OWN} | – | {seeds} | – | – |")
            continue
        mean, low, high = difference([rows[job.key]["cases"] for job in same], [rows[job.key]["cases"] for job in own])
        rule = rule.replace("_", " ")
        lines.append(f"| {data} | {rule} | {value} | {seeds} | {mean:+.4f} | {low:+.4f} to {high:+.4f} |")
    return lines


Cases = dict[str, tuple[str, float]]
"""Patient and Dice of each case."""


def difference(theirs: Sequence[Cases], ours: Sequence[Cases]) -> tuple[float, float, float]:
    """Mean difference over seeds and cases, and its 95 % percentile interval; an entry of each list is a seed.

    Seeds and patients are drawn with replacement, each draw of patients for all of its seeds.
    """
    cases = [case for case in ours[0] if all(case in one for one in (*theirs, *ours))]
    apart = np.array(
        [[one[case][1] - other[case][1] for case in cases] for one, other in zip(theirs, ours, strict=True)]
    )
    patients = np.unique([ours[0][case][0] for case in cases], return_inverse=True)[1]
    sizes = np.bincount(patients).astype(float)
    sums = np.array([np.bincount(patients, weights=row) for row in apart])
    means = drawn_means(sums, sizes)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(apart.mean()), float(low), float(high)


def drawn_means(sums: Floats, sizes: Floats) -> Floats:
    """SAMPLES means over drawn seeds and patients.

    sums: (seeds, patients), the sum over a patient's cases; sizes: how many these are.
    """
    rng, (seeds, patients) = generator(0), sums.shape
    counts = rng.multinomial(patients, np.full(patients, 1 / patients), size=SAMPLES).astype(float)
    by_seed = counts @ sums.T / (counts @ sizes)[:, None]
    means: Floats = np.take_along_axis(by_seed, rng.integers(seeds, size=(SAMPLES, seeds)), axis=1).mean(axis=1)
    return means


def grouped(jobs: Sequence[Job]) -> dict[tuple[str, str, str], list[Job]]:
    """Jobs that differ in the seed only."""
    groups = defaultdict(list)
    for job in jobs:
        groups[job.data, job.rule, job.value].append(job)
    return groups


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--rules", nargs="+", choices=RULES, default=list(RULES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--set", action="append", default=[], help="a plan value for every run")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    parser.add_argument("-o", "--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    """Run what is missing, keep each row, print the table."""
    asked = parse()
    rows: dict[str, Any] = read_json(asked.out)["result"]["runs"] if asked.out.exists() else {}
    places = {data.name: data for data in asked.data}
    own = [job for data in asked.data for job in own_jobs(data, asked.seeds, asked.steps, tuple(asked.set))]

    def finish(jobs: Sequence[Job]) -> None:
        missing = [job for job in jobs if job.key not in rows]
        with ThreadPoolExecutor(asked.at_once) as pool:
            for job, row in zip(missing, pool.map(lambda job: run(job, places[job.data]), missing), strict=True):
                rows[job.key] = row
                told = "refused" if "refused" in row else f"{row['dice']:.4f} ({row['train_s']:.0f} s)"
                print(f"{job.key}: {told}", flush=True)
                write_result(asked.out, {"runs": rows})

    others: list[Job] = []
    finish(own)
    others = [job for one in own for job in neighbours(one, asked.rules, rows[one.key]["plan"])]
    others.sort(key=lambda job: job.seed)  # a first answer for every rule before a better one for some
    finish(others)
    print("\n".join(table(rows, [*own, *others])))


if __name__ == "__main__":
    main()
