"""Kill a run at random moments, let the same command go on, and compare every byte with a run that nobody disturbed.

    python benchmarks/kill_and_resume.py DATA --kills 5 --steps 40
    python benchmarks/kill_and_resume.py DATA --kills 20 --steps 40 --seed 1 --runs FOLDER -o benchmarks/results/NAME.json

DATA is any folder that `scanwright train` reads. Both runs use `--fold 0 --steps N`. Each kill is SIGKILL to the whole process
group, worker processes included; its moment is drawn evenly over the wall time that the undisturbed run took, so that checks,
preparation, checkpoint writing, prediction and report are all met. A run that ends before its moment comes is compared as it
is, and another takes the kills that are left. Prints the sessions and what was compared. Exit code 0 if all bytes agree.
"""

import argparse
import hashlib
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from record import write_result

Row = tuple[str, str, str]
WEIGHTS_AND_SCORES = ("folds/*/weights.safetensors", "predictions/**/*", "metrics.json", "cases.csv")
COMPARED = (*WEIGHTS_AND_SCORES, "plan.json", "splits.json", "model.swm")


@dataclass(frozen=True)
class Session:
    """One start of the command: how long it ran, how it ended, and the last thing it said."""

    seconds: float
    code: int
    last: str


def main() -> int:
    """Run both, print the tables, and say in the exit code whether all agrees."""
    asked = parse()
    home = Path(asked.runs or tempfile.mkdtemp(prefix="kill_and_resume-"))
    home.mkdir(parents=True, exist_ok=True)
    base = command(asked)
    print(f"{shlex.join([*base, '-o', 'RUN'])}\nfolder {home}\n")

    whole = session([*base, "-o", str(home / "undisturbed")], after_s=None)
    if whole.code != 0:
        print(whole.last)
        return 1
    print(f"undisturbed: {whole.seconds:.1f} s")

    rng = random.Random(asked.seed)
    kills, runs, sessions = 0, [home / "killed-1"], []
    while True:
        after_s = rng.uniform(0.3, whole.seconds) if kills < asked.kills else None
        one = session([*base, "-o", str(runs[-1])], after_s=after_s)
        was_killed = one.code == -signal.SIGKILL
        kills += was_killed
        sessions.append(one)
        how = "killed" if was_killed else f"ended with {one.code}"
        print(f"{runs[-1].name}  {one.seconds:6.1f} s  {how:<12}  {one.last[:80]}", flush=True)
        if one.code not in (0, -signal.SIGKILL):
            return 1
        if one.code == 0 and kills == asked.kills:
            break
        if one.code == 0:  # it was done before its moment came: another run, for the other kills
            runs.append(home / f"killed-{len(runs) + 1}")
    rows = [row for run in runs for row in compare(home / "undisturbed", run)]
    if asked.out:
        write_result(asked.out, {"undisturbed": asdict(whole), "sessions": list(map(asdict, sessions)), "files": rows})
    return tell(rows, kills=kills)


def tell(rows: list[Row], *, kills: int) -> int:
    """Print what was compared; gives the exit code."""
    width = max(len(name) for name, *_ in rows)
    print(f"\n{'file':<{width}}  undisturbed   killed        same")
    for name, before, after in rows:
        print(f"{name:<{width}}  {before[:12]:<12}  {after[:12]:<12}  {'yes' if before == after else 'NO'}")
    same = sum(before == after for _, before, after in rows)
    print(f"\n{kills} kills; {same} of {len(rows)} files agree")
    return 0 if same == len(rows) else 1


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--runs", type=Path, help="new folder for the runs; a temporary one if not given")
    parser.add_argument("-o", "--out", type=Path, help="where the result is kept")
    parser.add_argument("--set", action="append", default=[], help="a plan value, as of scanwright train")
    return parser.parse_args()


def command(asked: argparse.Namespace) -> list[str]:
    """The training command without its output folder."""
    sets = [word for value in asked.set for word in ("--set", value)]
    script = Path(sys.executable).with_name("scanwright")
    return [str(script), "train", str(asked.data), "--fold", "0", "--steps", str(asked.steps), *sets]


def session(words: list[str], *, after_s: float | None) -> Session:
    """Run the command; kill its whole process group after some seconds, unless it has ended by itself."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True)
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        lines = said.read().decode(errors="replace").splitlines()
    return Session(time.monotonic() - began, process.returncode, lines[-1] if lines else "(nothing said yet)")


def compare(one: Path, other: Path) -> list[Row]:
    """Path, and SHA-256 in either run ("absent" where there is none), of every file that must be the same."""
    names = sorted({str(file.relative_to(run)) for run in (one, other) for file in found(run)})
    return [(f"{other.name}/{name}", digest(one / name), digest(other / name)) for name in names]


def found(run: Path) -> list[Path]:
    """The files of a run that are compared."""
    return [file for pattern in COMPARED for file in run.glob(pattern) if file.is_file()]


def digest(file: Path) -> str:
    """SHA-256 of a file, or "absent"."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "absent"


if __name__ == "__main__":
    sys.exit(main())
