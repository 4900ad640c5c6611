"""Does this commit make the same models as an earlier one? What was measured there then holds here.

    python benchmarks/same_as.py COMMIT DATA[:STEPS] [DATA[:STEPS] …] [--steps 20] [--every-fold] [-o RESULT.json] [-- OPTIONS]

Each data set is trained for a few steps by both commits, fold 0 unless every one is asked for, one thread each, side by side.
What follows `--` is given to `train` as it is. Compared byte by byte, of the run and of each model that was tried in it: the
values of the plan (not their reasons), the split, the averaged weights, and the predictions of the judged cases, those of a
test set among them, from which all scores follow. Exit code 1 if any differs. A `splits_5fold.json` in a data set is used.
Both commits run in the environment of this one, so a change of a library is no part of the comparison.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from record import ROOT, write_result

from scanwright.files import canonical_json, read_json

ENDS = (".nii.gz", ".png")
COMPARED = ("splits.json", "**/folds/*/weights.safetensors", "**/cases.csv", *(f"**/predictions/*{e}" for e in ENDS))
RUN = "import sys; from scanwright.cli import main; main()"


def checked_out(commit: str, folder: Path, stack: ExitStack) -> Path:
    """The files of a commit in a work tree of their own, which goes with `stack`."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", folder, commit], check=True)
    stack.callback(lambda: subprocess.run([*git, "remove", "--force", folder], check=True))
    return folder


def train(code: Path, data: Path, steps: int, out: Path, options: Sequence[str]) -> None:
    """A short run of one commit."""
    split = data / "splits_5fold.json"
    words = ["train", str(data), "-o", str(out), "--steps", str(steps), *options]
    words += ["--split", str(split)] if split.exists() else []
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(code / "src")}
    done = subprocess.run(
        [sys.executable, "-c", RUN, *words], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{data.name}: {done.stderr[-500:]}")


def files_of(run: Path) -> dict[str, bytes]:
    """What is compared, by path."""
    found = {file: file.read_bytes() for pattern in COMPARED for file in run.glob(pattern)}
    for file in run.glob("**/plan.json"):
        found[file] = canonical_json({name: part for name, part in read_json(file).items() if name != "why"})
    return {str(file.relative_to(run)): content for file, content in found.items()}


def main() -> None:
    """Train with both, compare, print a line a data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("data", nargs="+", help="a data set, with :STEPS if it is to have another number")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--every-fold", action="store_true")
    parser.add_argument("-o", "--out", type=Path)
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    asked = parser.parse_args(words[:end])
    options = [*([] if asked.every_fold else ["--fold", "0"]), *words[end + 1 :]]
    result: dict[str, dict[str, object]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        codes = [
            checked_out(commit, folder / name, stack) for name, commit in (("then", asked.commit), ("now", "HEAD"))
        ]
        for word in asked.data:
            place, _, given = word.partition(":")
            data, steps = Path(place).resolve(), int(given or asked.steps)
            outs = [folder / f"{data.name}_{code.name}" for code in codes]
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda code, out, d=data, s=steps: train(code, d, s, out, options), codes, outs))
            then, now = map(files_of, outs)
            differing = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
            result[data.name] = {"steps": steps, "options": options, "files": len(now), "differing": differing}
            print(f"{data.name}: {steps} steps, {len(now)} files, {len(differing)} differ {differing[:5]}", flush=True)
    if asked.out:
        write_result(asked.out, {"commit": asked.commit, "data": result})
    sys.exit(any(row["differing"] for row in result.values()))


if __name__ == "__main__":
    main()
