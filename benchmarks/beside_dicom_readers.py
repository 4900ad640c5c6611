"""A CT series of 500 slices to a volume, beside SimpleITK, dicom2nifti and dcm2niix: seconds and peak memory.

    python benchmarks/beside_dicom_readers.py [--slices 500] [--repeats 4] [--peer /path/to/python] [-o RESULT.json]

The series is generated (512 x 512, 16 bit, with noise as a CT has it) and written uncompressed, in JPEG 2000 (lossless),
JPEG-LS and RLE. Without --peer, dicom2nifti and dcm2niix are installed in an environment of their own. Readers take turns,
each begins a round as often as the others, and a first round is not counted; each run is a process of its own. Ours and
SimpleITK end with an array in memory, the other two with an uncompressed NIfTI file, as they are made to; seconds are of the
work, imports left out (dcm2niix: of the whole process); memory is that of a process and its children. The arrays of ours and
of SimpleITK must be equal.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypedDict

import numpy as np
import pydicom
from record import write_result

from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.derived.series_write import write_series

SYNTAXES = {
    "uncompressed": "",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "RLE": "1.2.840.10008.1.2.5",
}
REPORT = """
import json, pathlib

def peak_kb(process):  # unlike ru_maxrss, not inherited from the process that started this one
    return int((pathlib.Path("/proc") / process / "status").read_text().split("VmHWM:")[1].split()[0])

own = pathlib.Path("/proc/self").resolve().name
children = pathlib.Path(f"/proc/{own}/task").glob("*/children")
peak = sum(map(peak_kb, {own}.union(*(file.read_text().split() for file in children))))
print(json.dumps({"seconds": seconds, "peak_mb": peak // 1024, "sum": total}))
"""
OURS = """
import sys, time
from pathlib import Path
from scanwright.io.dicom.read import read_stack
from scanwright.io.dicom.series import files_in, find_series
from scanwright.runtime import num_threads
began = time.perf_counter()
(series,) = find_series(files_in(Path(sys.argv[1])), then_decoded=True).series
volume = read_stack(series.volumes[0], threads=num_threads())
seconds = time.perf_counter() - began
total = int(volume.voxels.sum(dtype="i8"))
"""
ITK = """
import sys, time
import SimpleITK
began = time.perf_counter()
reader = SimpleITK.ImageSeriesReader()
reader.SetFileNames(SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(sys.argv[1]))
image = reader.Execute()
seconds = time.perf_counter() - began
total = int(SimpleITK.GetArrayViewFromImage(image).sum(dtype="i8"))
"""
DICOM2NIFTI = """
import logging, sys, time
import dicom2nifti
logging.disable(logging.CRITICAL)
began = time.perf_counter()
dicom2nifti.dicom_series_to_nifti(sys.argv[1], sys.argv[2] + "/d2n.nii", reorient_nifti=False)
seconds = time.perf_counter() - began
total = None
"""


class Run(TypedDict, total=False):
    """One run of a reader: what it took and the sum of its array, or only the line with which it failed."""

    seconds: float
    peak_mb: int
    sum: int | None
    failed: str


def make_series(folder: Path, slices: int) -> None:
    """The series in every syntax, each in a folder of its own."""
    rng = np.random.default_rng(0)
    x, y = np.mgrid[-1:1:512j, -1:1:512j]
    body = np.where(x**2 + y**2 < 0.7, 40, -1000)
    voxels = np.empty((512, 512, slices), np.int16)
    for k in range(slices):
        voxels[:, :, k] = body + rng.normal(0, 12, body.shape) * (body > -1000)
    grid = Grid((512, 512, slices), np.diag((-0.8, -0.8, 1.0, 1.0)))
    write_series(folder / "uncompressed", Volume(voxels[None], grid), modality="CT", patient="P1")
    for name, syntax in SYNTAXES.items():
        if syntax:
            (folder / name).mkdir()
            for path in sorted((folder / "uncompressed").iterdir()):
                dataset = pydicom.dcmread(path)
                dataset.compress(syntax, generate_instance_uid=False)
                dataset.save_as(folder / name / path.name)


def run_python(python: str, code: str, folder: Path, out: Path) -> Run:
    """One run of a reader in a Python process."""
    done = subprocess.run(
        [python, "-c", code + REPORT, str(folder), str(out)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:200]}
    run: Run = json.loads(done.stdout.strip().splitlines()[-1])
    return run


def peak_mb(process: str) -> int:
    """The most memory that a running process has had."""
    return int(Path(f"/proc/{process}/status").read_text().split("VmHWM:")[1].split()[0]) // 1024


def run_dcm2niix(program: Path, folder: Path, out: Path) -> Run:
    """One run of dcm2niix, whole process; its peak is looked at while it runs (it may be started by a script)."""
    began, peak = time.perf_counter(), 0
    words = [str(program), "-z", "n", "-o", str(out), "-f", "d2x", str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        with contextlib.suppress(OSError, IndexError, ValueError):
            kin = Path(f"/proc/{process.pid}/task").glob("*/children")
            running = {str(process.pid)}.union(*(file.read_text().split() for file in kin))
            peak = max(peak, *map(peak_mb, running))
        time.sleep(0.01)
    if process.returncode:
        return {"failed": f"exit code {process.returncode}"}
    return {"seconds": time.perf_counter() - began, "peak_mb": peak}


def peers(folder: Path, given: str | None) -> str:
    """A Python with dicom2nifti, and dcm2niix beside it."""
    if given:
        return given
    subprocess.run([sys.executable, "-m", "venv", folder / "peers"], check=True)
    python = str(folder / "peers" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "dicom2nifti", "dcm2niix"], check=True)
    return python


def main() -> None:
    """Make the series, let the readers take turns, print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--peer")
    parser.add_argument("-o", "--out", type=Path)
    asked = parser.parse_args()
    result: dict[str, dict[str, dict[str, object]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peer = peers(folder, asked.peer)
        make_series(folder, asked.slices)
        (folder / "out").mkdir()
        for syntax in SYNTAXES:
            place, out = folder / syntax, folder / "out"
            readers: dict[str, Callable[[], Run]] = {
                "ours": partial(run_python, sys.executable, OURS, place, out),
                "SimpleITK": partial(run_python, sys.executable, ITK, place, out),
                "dicom2nifti": partial(run_python, peer, DICOM2NIFTI, place, out),
                "dcm2niix": partial(run_dcm2niix, Path(peer).with_name("dcm2niix"), place, out),
            }
            runs: dict[str, list[Run]] = {reader: [] for reader in readers}
            for turn in range(-1, asked.repeats):
                for reader in rotated(list(readers), turn):
                    run = readers[reader]()
                    runs[reader] += [run] if turn >= 0 or "failed" in run else []
            assert runs["ours"][0]["sum"] == runs["SimpleITK"][0]["sum"], "the arrays differ"
            result[syntax] = {reader: summary(found) for reader, found in runs.items()}
            for reader, line in result[syntax].items():
                print(f"{syntax:13} {reader:12} {line}", flush=True)
    if asked.out:
        write_result(asked.out, {"slices": asked.slices, "repeats": asked.repeats, "readers": result})


def rotated(names: list[str], turn: int) -> list[str]:
    """The names in their order, begun at another one each turn."""
    first = turn % len(names)
    return names[first:] + names[:first]


def summary(runs: list[Run]) -> dict[str, object]:
    """Median and range of seconds, and the largest peak."""
    failed = [run["failed"] for run in runs if "failed" in run]
    if failed:
        return {"failed": failed[0]}
    seconds = [run["seconds"] for run in runs]
    return {
        "median_s": round(statistics.median(seconds), 2),
        "range_s": [round(min(seconds), 2), round(max(seconds), 2)],
        "peak_mb": max(run["peak_mb"] for run in runs),
    }


if __name__ == "__main__":
    main()
