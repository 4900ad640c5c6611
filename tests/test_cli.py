"""The command line at its edges: what is wrong is said in two or three lines, with the right exit code, and nothing is lost.

Each command runs in a process of its own, as a user's does.
"""

import errno
import gzip
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from commands import SMALL, at_call, fail, is_progress, results
from made_folders import AFFINE, SHAPE, ball, nnunet_folder, write_json, write_nifti, write_text
from scanwright import cli
from scanwright.errors import UsageError
from scanwright.metric_lines import evaluated_lines
from scanwright.options import parse_duration

MOST_LINES = 3


def told(ended, code, *words, details=0):
    """The command ended with this code and said why: two or three lines (and details) that hold these words."""
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    lines = ended.lines
    assert 2 <= len(lines) - details <= MOST_LINES, lines
    for word in words:
        assert str(word) in "\n".join(lines), (word, lines)
    return lines


@pytest.fixture(scope="module")
def six(tmp_path_factory):
    """A sound data set that nobody changes."""
    return nnunet_folder(tmp_path_factory.mktemp("six") / "data", cases=6)


@pytest.fixture
def data(tmp_path, six):
    """A copy of it to be broken."""
    return Path(shutil.copytree(six, tmp_path / "data"))


# Durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("2H", 7200),
        ("1h5", 3605),
        (" 0.5s ", 0.5),
        ("1m30s", 90),
    ],
)
def test_parse_duration(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "-5m", "ten minutes", "5 days", "10min", "m", "1m1h", "nan", "inf", "1e3"]
)
def test_parse_duration__not_one(text):
    with pytest.raises(UsageError, match="not a duration"):
        parse_duration(text)


def scored(mean, ci95, n=8, n_defined=8):
    return {"dice": {"mean": mean, "ci95": ci95, "n": n, "n_defined": n_defined}}


CROSS_VALIDATED = {
    "cases": 8,
    "patients": 7,
    "overall": scored(0.8, [0.7, 0.85]),
    "by_class": {"core": scored(0.75, [0.6, 0.8]), "rim of it": scored(0.85, None, n_defined=4)},
}
TESTED = {
    "cases": 3,
    "patients": 3,
    "overall": scored(0.6, None, 3, 3),
    "by_class": {"core": scored(0.6, None, 3, 3), "rim of it": scored(None, None, 3, 0)},
}


def test_metric_lines__a_line_for_the_mean_and_each_region():
    assert cli.metric_lines({"primary": "dice", **CROSS_VALIDATED}) == [
        "dice mean       0.8000 [0.7000, 0.8500]  n = 8",
        "dice core       0.7500 [0.6000, 0.8000]  n = 8",
        "dice rim of it  0.8500  n = 4, too few patients for an interval",
    ]


def test_metric_lines__cross_validation_and_the_test_split():
    lines = cli.metric_lines({"primary": "dice", **CROSS_VALIDATED, "test": TESTED})
    assert [line for line in lines if not line.startswith("dice")] == [
        "cross-validation, 8 cases of 7 patients",
        "test split, 3 cases of 3 patients",
    ]
    assert lines[4:] == [
        "test split, 3 cases of 3 patients",
        "dice mean       0.6000  n = 3, too few patients for an interval",
        "dice core       0.6000  n = 3, too few patients for an interval",
        "dice rim of it  not defined (0 of 3 cases)",
    ]


def test_metric_lines__how_well_findings_were_found():
    found = {"lesion_sensitivity": scored(0.0, [0.0, 0.3])["dice"], "false_lesions_per_case": scored(0.5, None)["dice"]}
    lines = cli.metric_lines({"primary": "dice", **CROSS_VALIDATED, "findings": {"overall": found}, "test": TESTED})
    assert lines[4:6] == [
        "lesion_sensitivity      0.0000 [0.0000, 0.3000]  n = 8",
        "false_lesions_per_case  0.5000  n = 8, too few patients for an interval",
    ]
    assert len(lines) == 10


def test_metric_lines__what_must_be_said_of_the_numbers():
    said = {"caveats": ["Few patients have rim of it (4)."]}
    assert cli.metric_lines({"primary": "dice", **CROSS_VALIDATED, **said})[-1] == said["caveats"][0]
    lines = cli.metric_lines({"primary": "dice", **CROSS_VALIDATED, "test": TESTED | said})
    assert lines[-1] == said["caveats"][0] and lines.count(said["caveats"][0]) == 1


def test_evaluated_lines__beside_what_the_packages_own_test_said():
    tested = {"Cross-validation": {"cases": 40, "patients": 30, **scored(0.9, [0.85, 0.95], 40, 40)}}
    metrics = {"primary": "dice", **CROSS_VALIDATED, "learned_from": ["a", "b"], "package": {"tested": tested}}
    first, learned, *lines, last = evaluated_lines(metrics)
    assert first == "8 cases of 7 patients"
    assert learned == "2 more are left out: the model has learned from them, so they are no test"
    assert lines == cli.metric_lines({"primary": "dice", **CROSS_VALIDATED})
    said = "dice 0.9000 [0.8500, 0.9500]  n = 40"
    assert last == f"the package's own cross-validation, 40 cases of 30 patients: {said}"
    alone = evaluated_lines({"primary": "dice", **CROSS_VALIDATED, "predictions": {}})
    assert alone == [first, *lines]


def test_metric_lines__what_the_choice_of_the_model_is_worth_stands_below_the_headline():
    worth = {"chosen_without": {"mean": 0.6, "ci95": [0.4, 0.7], "n": 8, "n_defined": 8}}
    lines = cli.metric_lines({"primary": "dice", **CROSS_VALIDATED, **worth})
    assert lines[1] == "dice where each fold takes the model best in the others  0.6000 [0.4000, 0.7000]  n = 8"
    assert [lines[0], *lines[2:]] == cli.metric_lines({"primary": "dice", **CROSS_VALIDATED})


# Usage: exit code 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--budget", "soon"], ["not a duration", "--budget soon", "10m"]),
        (["--budget", "0"], ["not a duration", "--budget 0"]),
        (["--budget", "5m", "--steps", "4"], ["exclude each other", "Give one of the two"]),
        (["--set", "batch.sise=4"], ["unknown plan value", "batch.sise", "Did you mean batch.size"]),
        (["--set", "batch.size"], ["--set takes name=value", "batch.size"]),
        (["--set", "batch.size=0"], ["batch.size", "expected 1 or more", "0"]),
        (["--set", "batch.size=many"], ["batch.size", "expected a whole number, found 'many'"]),
        (["--set", "batch.patch=[8,8]"], ["batch.patch"]),
        (["--set", "augment.scale=7"], ["augment.scale", "1 or less", "7"]),
        (["--set", "training.optimizer=magic"], ["training.optimizer", "adamw", "magic"]),
        (["--set", "network.widths=[4,8]"], ["network.widths", "network.strides"]),
        (["--folds", "3", "--fold", "3"], ["no such fold", "0 to 2", "--fold 3"]),
        (["--fold", "-1"], ["no such fold", "--fold -1"]),
        (["--exclude", "p99"], ["no such case to exclude", "p99"]),
        (["--layout", "shoebox"], ["no such layout", "shoebox", "nnunet"]),
        (["--device", "cuda"], ["no CUDA device", "--device cpu"]),
    ],
)
def test_train__usage(scanwright, six, tmp_path, arguments, words):
    if "cuda" in arguments and has_cuda():
        pytest.skip("there is a CUDA device")
    told(scanwright("train", six, "-o", tmp_path / "run", *arguments), 2, *words)


@pytest.mark.parametrize(
    "arguments",
    [["fly"], ["train"], ["train", "data", "-o", "run", "--fast"], ["train", "data", "-o", "run", "--steps", "0"],
     ["train", "data", "-o", "run", "--folds", "1"], ["predict", "model.swm", "-o", "out"], ["train", "data"]],
)  # fmt: skip
def test_usage__of_options(scanwright, arguments):
    ended = scanwright(*arguments)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert "Usage: " in ended.err


def test_train__other_settings_than_the_run_folders(scanwright, finished):
    before = results(finished.run)
    lines = told(
        scanwright("train", finished.data, *SMALL, "--seed", 7, "-o", finished.run),
        2, "made with other settings", finished.run, "seed: was 0, now 7", "--restart", details=1,
    )  # fmt: skip
    assert len(lines) == 3
    assert results(finished.run) == before


def test_train__a_mistake_does_not_claim_the_folder(scanwright, six, tmp_path):
    """After a refused command, the corrected one goes into the same folder."""
    for wrong in (["--set", "batch.size=0"], ["--exclude", "p99"], ["--set", "batch.patch=[8,8]"]):
        assert scanwright("train", six, *SMALL, *wrong, "-o", tmp_path / "run").code == 2
    assert scanwright("train", six, *SMALL, "-o", tmp_path / "run").code == 0


def test_train__data_that_changed(scanwright, finished, tmp_path):
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(finished.data, data)
    assert scanwright("train", data, *SMALL, "-o", run, plant=partial(at_call, *TRAINING, 1, kill)).code == -9
    write_nifti(data / "imagesTr/p03_0000.nii.gz", ball(99)[0])
    told(scanwright("train", data, *SMALL, "-o", run), 2, "the data have changed", run, "--restart")


TRAINING = ("scanwright.training.loop", "take_step")


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


# Input: exit code 4


def test_train__no_such_folder(scanwright, tmp_path):
    told(scanwright("train", tmp_path / "nothing", "-o", tmp_path / "run"), 4, "no such file or folder", "nothing")


def test_train__empty_folder(scanwright, tmp_path):
    (tmp_path / "empty").mkdir()
    told(scanwright("train", tmp_path / "empty", "-o", tmp_path / "run"), 4, "the folder is empty", "empty")


def test_train__a_folder_of_something_else(scanwright, tmp_path):
    write_text(tmp_path / "letters/mother.txt", "Dear mother")
    ended = scanwright("train", tmp_path / "letters", "-o", tmp_path / "run")
    assert ended.code == 4
    assert "no data set recognised here" in ended.err
    assert "mother.txt" in ended.err


def a_text_file(data):
    write_text(data / "imagesTr/p02_0000.nii.gz", "this is not an image\n")


def cut(data):
    file = data / "imagesTr/p02_0000.nii.gz"
    file.write_bytes(file.read_bytes()[:400])


def undeclared_value(data):
    label = ball(20, values=(1, 2))[1]
    label[0, 0, 0] = 7
    write_nifti(data / "labelsTr/p02.nii.gz", label)


def another_shape(data):
    write_nifti(data / "labelsTr/p02.nii.gz", ball(20, shape=(12, 10, 9), values=(1, 2))[1])


def not_a_number(data):
    image = ball(20)[0]
    image[1, 2, 3] = np.nan
    write_nifti(data / "imagesTr/p02_0000.nii.gz", image)


def no_label(data):
    (data / "labelsTr/p02.nii.gz").unlink()


FAULTS: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "text": (a_text_file, ["unreadable-image", "p02_0000.nii.gz"]),
    "cut": (cut, ["unreadable-image", "p02_0000.nii.gz"]),
    "undeclared": (undeclared_value, ["undeclared-label", "7"]),
    "shape": (another_shape, ["shape-mismatch", "12 x 10 x 9"]),
    "nan": (not_a_number, ["not-finite"]),
    "missing": (no_label, ["missing-label"]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_train__a_fault_in_the_data(scanwright, data, tmp_path, name):
    plant, words = FAULTS[name]
    plant(data)
    ended = scanwright("train", data, *SMALL, "-o", tmp_path / "run")
    told(ended, 4, "the data set has faults", "1 error", "p02", *words, "--exclude p02", details=1)
    assert json.loads((tmp_path / "run/checks.json").read_text())["faults"][0]["case"] == "p02"


def test_train__every_fault_at_once_and_on_without_them(scanwright, data, tmp_path):
    a_text_file(data)
    another = ball(40, values=(1, 2))[0]
    another[0, 0, 0] = np.inf
    write_nifti(data / "imagesTr/p04_0000.nii.gz", another)
    told(
        scanwright("train", data, *SMALL, "-o", tmp_path / "run"), 4, "2 errors", "in 2 cases", "p02", "p04", details=2
    )
    ended = scanwright("train", data, *SMALL, "--exclude", "p02", "--exclude", "p04", "-o", tmp_path / "run", "--json")
    assert ended.code == 0, ended.err
    assert "p02" in (tmp_path / "run/report.html").read_text()


def test_train__everything_excluded(scanwright, data, tmp_path):
    every = [word for number in range(6) for word in ("--exclude", f"p{number:02d}")]
    told(scanwright("train", data, *SMALL, *every, "-o", tmp_path / "run"), 4, "too few patients")


def test_train__one_patient(scanwright, tmp_path):
    data = nnunet_folder(tmp_path / "one", cases=1)
    told(scanwright("train", data, "--steps", 2, "-o", tmp_path / "run"), 4, "too few patients", "found 1")


# Policy: exit code 5


def test_train__a_patient_on_both_sides(scanwright, data, tmp_path):
    write_text(data / "cases.csv", "case,patient\n" + "".join(f"p{n:02d},{'a' if n < 2 else n}\n" for n in range(6)))
    split = write_json(tmp_path / "split.json", [{"train": ["p00", "p02", "p03"], "val": ["p01", "p04", "p05"]}])
    ended = scanwright("train", data, *SMALL, "--split", split, "-o", tmp_path / "run")
    assert ended.code == 5, ended.err
    assert "patient" in ended.err and "p00" in ended.err and "p01" in ended.err
    assert len(ended.lines) <= MOST_LINES + 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([{"train": ["p00"], "val": ["p77"]}], ["p77"]),
        ("not json", ["split.json"]),
        ({"folds": 3}, ["split.json"]),
        ([], ["split.json"]),
    ],
)
def test_train__a_split_file_that_makes_no_sense(scanwright, six, tmp_path, content, words):
    split = tmp_path / "split.json"
    split.write_text(content if isinstance(content, str) else json.dumps(content))
    told(scanwright("train", six, *SMALL, "--split", split, "-o", tmp_path / "run"), 4, *words)


def test_train__no_such_split_file(scanwright, six, tmp_path):
    told(scanwright("train", six, *SMALL, "--split", tmp_path / "no.json", "-o", tmp_path / "run"), 4, "no.json")


def test_train__no_such_fold_in_the_split(scanwright, six, tmp_path):
    split = write_json(tmp_path / "split.json", [{"train": ["p00", "p01", "p02"], "val": ["p03", "p04", "p05"]}] * 2)
    ended = scanwright("train", six, "--steps", 2, "--fold", 2, "--split", split, "-o", tmp_path / "run")
    told(ended, 2, "no such fold", "0 to 1")


# Resources: exit code 6


def test_train__budget_of_a_second(scanwright, six, tmp_path):
    told(scanwright("train", six, "--budget", "1s", "-o", tmp_path / "run"), 6, "budget is too small", "1s", "at least")


def test_train__output_below_a_file(scanwright, six, tmp_path):
    file = write_text(tmp_path / "notes.txt", "mine")
    told(scanwright("train", six, *SMALL, "-o", file / "run"), 6, "cannot write here", "notes.txt", "-o")
    told(scanwright("train", six, *SMALL, "-o", file), 6, "cannot write here", "notes.txt", "-o")
    assert file.read_text() == "mine"


@pytest.fixture
def mounted(tmp_path):
    """Mounts a small file system with the options given; skips where that is not allowed. Gives its folder."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if (
            sys.platform != "linux"
            or os.geteuid() != 0
            or subprocess.run(command, check=False, capture_output=True).returncode
        ):
            pytest.skip("needs the right to mount a file system")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], check=False, capture_output=True)


def test_train__read_only(scanwright, six, mounted):
    folder = mounted("size=1m,ro")
    told(scanwright("train", six, *SMALL, "-o", folder / "run"), 6, "cannot write here", "Read-only", "-o")


def test_train__disk_full_then_on(scanwright, finished, mounted):
    """A disk on which a run does not fit: it stops wherever it is, and when there is room, the same command ends as any."""
    folder = mounted("size=64k")
    told(scanwright(*finished.command, "-o", folder / "run"), 6, "the disk is full", folder, "Free some space")
    for size in ("128k", "256k"):
        subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)
        told(scanwright(*finished.command, "-o", folder / "run"), 6, "the disk is full", folder, "Free some space")
    subprocess.run(["mount", "-o", "remount,size=8m", str(folder)], check=True)
    assert scanwright(*finished.command, "-o", folder / "run").code == 0
    assert results(folder / "run") == results(finished.run)


def no_file_over(size):
    """Let the system refuse every file of more than this many bytes, as a full disk does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def test_train__a_file_that_does_not_fit_then_on(scanwright, finished, tmp_path):
    for size in (3_000, 30_000):
        ended = scanwright(*finished.command, "-o", tmp_path / "run", plant=partial(no_file_over, size))
        told(ended, 6, "the disk is full", tmp_path / "run", "Free some space")
    assert not list((tmp_path / "run").rglob("*.part"))
    assert scanwright(*finished.command, "-o", tmp_path / "run").code == 0
    assert results(tmp_path / "run") == results(finished.run)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError("Unable to allocate 9 GiB"), ["out of memory", "9 GiB", "batch.size"]),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 8 bytes"),
            ["out of memory"],
        ),
        (
            OSError(errno.EMFILE, "Too many open files", "scan.nii"),
            ["the system refused", "Too many open files", "scan.nii"],
        ),
        (OSError(errno.ENOSPC, "No space left on device", "curves.png"), ["No space left", "curves.png"]),
    ],
)
def test_train__what_the_machine_refuses(scanwright, six, tmp_path, error, words):
    plant = partial(at_call, *TRAINING, 1, partial(fail, error))
    told(scanwright("train", six, *SMALL, "-o", tmp_path / "run", plant=plant), 6, *words)


def test_train__a_bug_of_ours(scanwright, six, tmp_path):
    """The one ending that shows a traceback, and it says whose fault it is."""
    plant = partial(at_call, *TRAINING, 1, partial(fail, ZeroDivisionError("division by zero")))
    ended = scanwright("train", six, *SMALL, "-o", tmp_path / "run", "--json", plant=plant)
    assert ended.code == 1
    assert "Traceback" in ended.err
    assert "a fault of scanwright, not of your data" in ended.err
    assert json.loads(ended.out)["error"] == "InternalError"


# Integrity: exit code 3


@pytest.mark.parametrize("command", ["verify", "predict", "evaluate"])
def test_model__cut_in_half(scanwright, finished, tmp_path, command):
    whole = finished.model.read_bytes()
    half = tmp_path / "half.swm"
    half.write_bytes(whole[: len(whole) // 2])
    rest = {
        "verify": [],
        "predict": [scan(finished), "-o", tmp_path / "out"],
        "evaluate": [finished.data, "-o", tmp_path / "o"],
    }
    told(scanwright(command, half, *rest[command]), 3, "half.swm")
    assert not (tmp_path / "out").exists()


def scan(finished):
    return finished.data / "imagesTr/p00_0000.nii.gz"


def test_model__a_byte_flipped(scanwright, finished, tmp_path):
    whole = bytearray(finished.model.read_bytes())
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        flipped = bytearray(whole)
        flipped[min(int(share * len(whole)), len(whole) - 1)] ^= 0x01
        (tmp_path / "flipped.swm").write_bytes(flipped)
        told(scanwright("verify", tmp_path / "flipped.swm"), 3, "flipped.swm")


def test_model__not_there(scanwright, tmp_path):
    told(scanwright("verify", tmp_path / "no.swm"), 4, "no such package", "no.swm")
    told(scanwright("verify", tmp_path), 4, "no such package", tmp_path)


def test_train__weights_that_were_cut(scanwright, finished, tmp_path):
    run = Path(shutil.copytree(finished.run, tmp_path / "run"))
    (run / "folds/0/weights.safetensors").write_bytes(b"half")
    for name in ("p02", "p03"):
        (run / f"predictions/{name}.nii.gz").unlink(missing_ok=True)
    told(scanwright(*finished.command, "-o", run), 3, "weights", "Remove")


def test_train__a_plan_that_was_cut(scanwright, finished, tmp_path):
    run = Path(shutil.copytree(finished.run, tmp_path / "run"))
    (run / "plan.json").write_bytes((run / "plan.json").read_bytes()[:100])
    told(scanwright(*finished.command, "-o", run), 3, "plan.json")
    (run / "plan.json").write_text("{}")
    told(scanwright(*finished.command, "-o", run), 3, "plan.json", "--restart")
    assert scanwright(*finished.command, "-o", run, "--restart").code == 0
    assert results(run) == results(finished.run)


# The run folder


def test_train__a_foreign_folder_is_not_touched(scanwright, six, tmp_path):
    folder = tmp_path / "thesis"
    for name in ("chapter.txt", "predictions/mine.nii.gz", "metrics.json", "request.json"):
        write_text(folder / name, "mine")
    for extra in ([], ["--restart"]):
        told(scanwright("train", six, *SMALL, "-o", folder, *extra), 2, "holds no run", folder, "chapter.txt", "-o")
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "chapter.txt", "metrics.json", "predictions/mine.nii.gz", "request.json",
    ]  # fmt: skip
    assert all(path.read_text() == "mine" for path in folder.rglob("*") if path.is_file())


def test_train__restart_deletes_the_run_and_nothing_else(scanwright, finished, tmp_path):
    run = Path(shutil.copytree(finished.run, tmp_path / "run"))
    write_text(run / "notes.txt", "mine")
    write_text(run / "figures/for paper.svg", "mine too")
    other = [*finished.command, "--seed", 3, "-o", run]
    told(scanwright(*other), 2, "other settings", "seed: was 0, now 3", details=1)
    assert scanwright(*other, "--restart").code == 0
    assert (run / "notes.txt").read_text() == "mine"
    assert (run / "figures/for paper.svg").read_text() == "mine too"
    changed = results(run)["folds/0/weights.safetensors"] != results(finished.run)["folds/0/weights.safetensors"]
    assert changed
    assert json.loads((run / "request.json").read_text())["seed"] == 3


def test_train__two_at_once(scanwright, finished, tmp_path):
    """While one process is at work, a second is refused and names it; then the second command finds all done."""
    from scanwright.api.run.lock import alone

    run = Path(shutil.copytree(finished.run, tmp_path / "run"))
    before = results(run)
    with alone(run / ".lock"):
        for extra in ([], ["--restart"]):
            words = ["another process is at work", run, f"process {os.getpid()}"]
            told(scanwright(*finished.command, "-o", run, *extra), 6, *words)
    assert results(run) == before
    assert scanwright(*finished.command, "-o", run).code == 0


# --json, and odd names


def test_json__one_object_on_standard_output(finished, scanwright, tmp_path):
    trained = json.loads(finished.ended.out)
    assert list(trained) == ["run", "report", "package", "digest", "elapsed_s", "over_budget_s", "metrics"]
    assert trained["metrics"] == json.loads((finished.run / "metrics.json").read_text())
    assert Path(trained["report"]) == finished.run / "report.html"
    checked = json.loads(scanwright("verify", finished.model, "--json").out)
    assert checked == {
        "package": str(finished.model),
        "digest": trained["digest"],
        "problem": "segmentation",
        "ok": True,
    }
    looked = json.loads(scanwright("inspect", finished.data, "--json").out)
    assert (looked["layout"], looked["cases"], looked["errors"]) == ("nnunet", 6, 0)
    assert [fault["code"] for fault in looked["faults"]] == ["patients-unknown"]


def test_json__an_error_too(scanwright, tmp_path):
    ended = scanwright("train", tmp_path / "nothing", "-o", tmp_path / "run", "--json")
    assert ended.code == 4
    assert json.loads(ended.out) == {
        "error": "InputError",
        "message": "no such file or folder",
        "where": str(tmp_path / "nothing"),
        "hint": "Check the path of the data.",
        "exit_code": 4,
    }
    assert len(ended.lines) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--folds", "many"], "Invalid value for '--folds'"),
        (["--colour", "red"], "No such option: --colour"),
        (["-o", ""], "an empty name"),
    ],
)
def test_json__a_command_line_that_cannot_be_read(scanwright, tmp_path, words, message):
    given = words if words[0] == "-o" else ["-o", tmp_path / "run", *words]
    ended = scanwright("train", tmp_path, *given, "--json")
    said = json.loads(ended.out)
    assert (ended.code, said["error"], said["exit_code"]) == (2, "UsageError", 2)
    assert message in said["message"] and message in ended.err


def test_standard_output__for_people(finished, scanwright):
    """A finished run, asked for again, says its numbers and where things lie; progress goes to standard error."""
    ended = scanwright(*finished.command, "-o", finished.run)
    lines = ended.out.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [["dice", "mean"], ["dice", "liver"], ["dice", "tumour"]]
    found = ["lesion_sensitivity", "false_lesions_per_case"]
    assert [line.split()[0] for line in lines[3:]] == [*found, "report", "package", "time"]
    assert all(is_progress(line) for line in ended.err.splitlines())


def test_inspect__faults(scanwright, data):
    a_text_file(data)
    ended = scanwright("inspect", data, "--json")
    assert ended.code == 4
    assert [fault["code"] for fault in json.loads(ended.out)["faults"]] == ["unreadable-image", "patients-unknown"]
    plain = scanwright("inspect", data)
    assert plain.code == 4
    assert plain.out.splitlines()[-1] == "1 error, 1 note"
    assert scanwright("inspect", data, "--exclude", "p02").code == 0


def test_names__with_spaces_and_accents(scanwright, finished, tmp_path):
    folder = tmp_path / "Müller Änne 日本"
    folder.mkdir()
    shutil.copy(scan(finished), folder / "scan ü 1.nii.gz")
    ended = scanwright("predict", finished.model, folder, "-o", tmp_path / "out ö", "--json")
    assert ended.code == 0, ended.err
    assert [Path(one["labels"]) for one in json.loads(ended.out)["predictions"]] == [tmp_path / "out ö/scan ü 1.nii.gz"]


def test_names__in_no_encoding(scanwright, finished, tmp_path):
    """The names of an old archive: bytes that are no text."""
    odd = os.fsdecode(b"scan\xe9_0000.nii.gz")
    try:
        shutil.copy(scan(finished), tmp_path / odd)
    except OSError:
        pytest.skip("a file system that takes Unicode names only")
    data = shutil.copytree(finished.data, tmp_path / "data")
    shutil.copy(tmp_path / odd, data / "imagesTr")
    for command in (["predict", finished.model, tmp_path / odd], ["train", data, *SMALL]):
        told(scanwright(*command, "-o", tmp_path / "out"), 4, "name is in no known encoding", r"scan\udce9", "Rename")


def test_console_script(finished):
    """The installed command, in a fresh interpreter: Python's own warnings would show, and there are none."""
    script = Path(sys.executable).with_name("scanwright")
    if not script.exists():
        pytest.skip("the package is not installed")
    ended = subprocess.run([script, "verify", finished.model], check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"{finished.model} is whole, SHA-256 ")


def test_help__imports_neither_torch_nor_numpy():
    """So that it answers in an eighth of a second."""
    code = "import sys; from scanwright import cli; cli.exit_code(['train', '--help']); "
    code += "sys.exit(not {'torch', 'numpy'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def has_cuda():
    import torch

    return torch.cuda.is_available()


def test_made_data__is_what_these_tests_think(six):
    assert nib.load(six / "imagesTr/p00_0000.nii.gz").shape == SHAPE
    assert gzip.decompress((six / "imagesTr/p00_0000.nii.gz").read_bytes())
    assert np.array_equal(nib.load(six / "labelsTr/p00.nii.gz").affine, AFFINE)


@pytest.mark.parametrize(("over_s", "line"), [(0.2, "time     97 s"), (57.3, "time     97 s, 57 s over the budget")])
def test_train__says_that_it_took_longer_than_its_budget(over_s, line):
    from scanwright.cli import trained_lines

    result = SimpleNamespace(
        metrics={"overall": {}, "primary": "r2"}, report="r", package="p", elapsed_s=97.0, over_budget_s=over_s
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scanwright.cli.metric_lines", lambda metrics: [])
        assert trained_lines(result)[-1] == line
