"""Peak memory of predicting a 512 x 512 x 600 volume with a network for 100 classes; random weights serve.

    python benchmarks/large_prediction.py [--classes 100] [--shape 512 512 600] [--spacing 0.75] [--grid 0.75] [--set …] [-o F]

The network works on a grid of --grid millimetres; by default that of the scan, so at native resolution, which takes most.
(Left to itself the planner would coarsen a scan with large structures.) All else is planned for CT, but for what --set says;
about an hour on two cores.
`scanwright predict` runs in a process of its own; its peak resident size is compared with that of a process that only
reads the scan, and with what it said beforehand.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from record import write_result

from scanwright.dataset.facts import CaseFacts, Intensity
from scanwright.dataset.fingerprint import fingerprint
from scanwright.dataset.task import Channel, Region, Task
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.formats import write_volume
from scanwright.network.build import build
from scanwright.plan.budget import Cost, Workload
from scanwright.plan.make import make
from scanwright.plan.plan import Plan
from scanwright.plan.settings import Settings, parse_set
from scanwright.problem.segmentation import Segmentation
from scanwright.release.pack import pack
from scanwright.runtime import choose_device, describe_machine
from scanwright.transform.preprocess import whole

MEASURE = """
import sys
{work}
from scanwright.runtime import peak_memory_bytes
print(peak_memory_bytes(), file=sys.stderr)
"""
READ = "from pathlib import Path; from scanwright.io.formats import read_volume; import torch; v = read_volume(Path({scan!r}))"
PREDICT = """
from scanwright.runtime import share_cores; share_cores()
from scanwright.api.use_model import predict
predict({model!r}, {scan!r}, out={out!r}, tell=lambda p: print(p.note, file=sys.stderr) if p.note else None)
"""


def planned_package(folder: Path, *, classes: int, spacing: float, values: dict[str, Any]) -> tuple[Path, Plan]:
    """A package with a network for so many classes, planned for scans of a spacing, and its plan."""
    regions = tuple(Region(name=f"structure {value}", values=(value,)) for value in range(1, classes + 1))
    task = Task(name="large", channels=(Channel(name="CT", modality="ct"),), regions=regions)
    facts = {f"case {k}": facts_of(f"case {k}", task, spacing=spacing) for k in range(10)}
    problem = Segmentation(task)
    plan = make(
        fingerprint(facts, task),
        Settings(steps=1000, values={"preprocess.spacing": [spacing] * 3} | values),
        problem=problem,
        folds=[0],
        machine=describe_machine(choose_device("cpu")),
        workload=Workload(folds=1, cases=10, answered=2, spent_s=0.0, per_case_s=1.0, tail_s=0.0),
        cost=lambda candidate: Cost(1.0, 0.1),
    )
    weights = build(plan.network).state_dict()
    file = folder / "model.swm"
    task_json, plan_json = task.model_dump(mode="json"), plan.to_json()
    pack(
        file,
        problem="segmentation",
        task=task_json,
        plan=plan_json,
        card={"name": "large"},
        weights={"fold_0": weights},
    )
    return file, plan


def facts_of(name: str, task: Task, *, spacing: float) -> CaseFacts:
    intensity = Intensity(min=-1000, max=1500, mean=20, std=150, p005=-500, p500=30, p995=700)
    shape = (256, 256, 300)
    voxels = {region.name: 20_000 for region in task.regions}
    return CaseFacts(
        id=name, patient=name, shape=shape, spacing=(spacing,) * 3, orientation="RAS", unit="mm", dtype="int16",
        image_hashes=(name,), channels=(intensity,), body_start=(0, 0, 0), body_shape=shape, body_fraction=1.0,
        label_hash=name, label_counts={0: 10_000_000} | {value: 20_000 for region in task.regions for value in region.values},
        foreground_start=(0, 0, 0), foreground_shape=shape, region_voxels=voxels,
        foreground_sample=((20.0, 30.0, 40.0),), grid_hash=name,
    )  # fmt: skip


def peak_bytes(work: str) -> tuple[int, str, float]:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", MEASURE.format(work=work)], capture_output=True, text=True, check=True)
    *said, peak = done.stderr.strip().splitlines()
    return int(peak), "\n".join(said), time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 512, 600))
    parser.add_argument("--spacing", type=float, default=0.75)
    parser.add_argument("--grid", type=float, help="spacing of the network's grid in mm; default: the scan's")
    parser.add_argument("--set", action="append", default=[], help="a plan value, as for train")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = parse_set(given.set)
        model, plan = planned_package(folder, classes=given.classes, spacing=given.grid or given.spacing, values=values)
        network_grid = plan.preprocess.spacing
        assert network_grid is not None, "the network needs a grid in mm: leave preprocess.spacing out of --set"
        scan = folder / "scan.nii"
        voxels = np.random.default_rng(0).integers(-1000, 1500, given.shape, dtype=np.int16)
        grid = Grid.from_spacing(tuple(given.shape), (given.spacing,) * 3)
        write_volume(scan, Volume(voxels[None], grid))
        del voxels
        base, _, _ = peak_bytes(READ.format(scan=str(scan)))
        peak, said, seconds = peak_bytes(PREDICT.format(model=str(model), scan=str(scan), out=str(folder / "out")))
    promised = re.search(r"about ([\d.]+) GiB", said)
    result = {
        "shape": list(given.shape),
        "spacing_mm": given.spacing,
        "classes": given.classes,
        "network_grid_mm": list(network_grid),
        "network_shape": list(whole(grid, plan.preprocess).shape),
        "patch": list(plan.batch.patch),
        "widths": plan.network.model_dump(mode="json").get("widths"),
        "step_share": plan.inference.step_share,
        "precision": plan.training.precision,
        "peak_gib": round(peak / 2**30, 2),
        "input_read_gib": round(base / 2**30, 2),
        "above_input_gib": round((peak - base) / 2**30, 2),
        "said_beforehand_gib": float(promised.group(1)) if promised else None,
        "above_input_bytes": peak - base,
        "seconds": round(seconds, 1),
    }
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
