"""Preprocessing, resampling and prediction beside nnU-Net v2, on the same files and the same machine.

    python benchmarks/beside_nnunet.py DATA --model RUN/model.swm [--peer /path/to/python] [-o FILE]

DATA: a Decathlon folder. Without --peer, nnU-Net is installed in an environment of its own in the temporary folder (some
minutes). Measured, each as whole commands in turn, medians of --repeats:
  preprocess   nnUNetv2_plan_and_preprocess of all cases, 3d_fullres only, with its integrity check, as many processes as cores;
               ours: checks, fingerprint, plan and preparing of all cases (`train` up to the first step)
  resample     one 256 x 256 x 200 volume by 1.3, cubic: nnU-Net's own function, and ours; the results must agree
  predict      one case from the start of the process to the written file; nnU-Net with an untrained 3d_fullres network
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import write_result

from scanwright.files import read_json, write_json
from scanwright.runtime import num_threads

SCRIPTS = Path(sys.executable).parent
TORCH = "torch==2.13.0"

RESAMPLE_PEER = """
import json, time, numpy as np
from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape
rng = np.random.default_rng(0)
image = rng.standard_normal((1, 200, 256, 256)).astype(np.float32)
best = []
for _ in range({repeats}):
    began = time.perf_counter()
    out = resample_data_or_seg_to_shape(
        image, (154, 197, 197), (1, 1, 1), (1.3, 1.3, 1.3), order=3, order_z=0, force_separate_z=False
    )
    best.append(time.perf_counter() - began)
np.save({out!r}, np.asarray(out, dtype=np.float32))
print(json.dumps(best))
"""

RESAMPLE_OURS = """
import json, time, numpy as np
from scanwright.geometry.resample import resize
rng = np.random.default_rng(0)
image = rng.standard_normal((1, 200, 256, 256)).astype(np.float32)
best = []
for _ in range({repeats}):
    began = time.perf_counter()
    out = resize(image, (154, 197, 197), order=3)
    best.append(time.perf_counter() - began)
np.save({out!r}, out)
print(json.dumps(best))
"""

UNTRAINED = """
import torch, json
from pathlib import Path
from nnunetv2.run.run_training import get_trainer_from_args
trainer = get_trainer_from_args("1", "3d_fullres", 0, "nnUNetTrainer", "nnUNetPlans", device=torch.device("cpu"))
trainer.initialize()
base = Path(trainer.output_folder_base)
base.joinpath("dataset.json").write_text(json.dumps(trainer.dataset_json))
base.joinpath("plans.json").write_text(json.dumps(trainer.plans_manager.plans))
trainer.save_checkpoint(str(Path(trainer.output_folder) / "checkpoint_final.pth"))
"""

PREPARE_OURS = """
from pathlib import Path
import torch
from scanwright.api.run import learn
from scanwright.api.run import study
from scanwright.api.run.asked import Asked, computing_on
from scanwright.api.run.folder import open_run
from scanwright.plan.settings import Settings
from scanwright.protocols import silent
if __name__ == "__main__":
    device, machine = computing_on("cpu")
    given = {{"machine": machine, "tell": silent}}
    with open_run(Path({run!r}), {{"data": "x"}}, command="benchmark", restart=False) as run:
        settings = Settings(steps=1)
        material = study.look(run, Asked.of({data!r}), settings=settings, **given)
        found = study.plan_model(run, material, settings, device=device, **given)
        learn.prepare(run, found, tell=silent)
"""


def seconds(command: list[str], *, environment: dict[str, str] | None = None) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        command, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:3])} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - began


def install_peer(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    constraint = folder / "constraint.txt"
    constraint.write_text(TORCH + "\n")
    for packages in ([TORCH], ["nnunetv2==2.8.1"]):
        command = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(constraint), *packages]
        subprocess.run(command, check=True)
    return python


def to_nnunet(data: Path, raw: Path) -> str:
    """The Decathlon folder as nnU-Net wants it; gives the name of one case."""
    declared = read_json(data / "dataset.json")
    for part in ("imagesTr", "labelsTr"):
        (raw / part).mkdir(parents=True)
    for pair in declared["training"]:
        name = Path(pair["image"]).name.removesuffix(".nii.gz")
        shutil.copy(data / pair["image"], raw / "imagesTr" / f"{name}_0000.nii.gz")
        shutil.copy(data / pair["label"], raw / "labelsTr" / f"{name}.nii.gz")
    labels = {name: int(value) for value, name in declared["labels"].items()}
    channels = declared["modality"]
    count = len(declared["training"])
    write_json(
        raw / "dataset.json",
        {"channel_names": channels, "labels": labels, "numTraining": count, "file_ending": ".nii.gz"},
    )
    return name


def timings(command: list[str], repeats: int, **options: dict[str, str]) -> dict[str, float]:
    return summary([seconds(command, **options) for _ in range(repeats)])


def summary(values: list[float]) -> dict[str, float]:
    return {
        "median_s": round(statistics.median(values), 3),
        "min_s": round(min(values), 3),
        "max_s": round(max(values), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    result: dict[str, object] = {"repeats": given.repeats, "cores": num_threads()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peer = given.peer or install_peer(folder / "peer")
        raw = folder / "raw" / "Dataset001_Peer"
        case = to_nnunet(given.data, raw)
        environment = {
            "nnUNet_raw": str(folder / "raw"),
            "nnUNet_preprocessed": str(folder / "preprocessed"),
            "nnUNet_results": str(folder / "results"),
            "OMP_NUM_THREADS": "1",
        }
        cores = str(num_threads())
        tools = peer.parent
        preprocess = [str(tools / "nnUNetv2_plan_and_preprocess"), "-d", "1", "-c", "3d_fullres", "--clean"]
        preprocess += ["--verify_dataset_integrity", "-npfp", cores, "-np", cores]
        script = folder / "prepare.py"
        ours, theirs = [], []
        for repeat in range(given.repeats):
            run = folder / f"run_{repeat}"
            script.write_text(PREPARE_OURS.format(run=str(run), data=str(given.data)))
            theirs.append(seconds(preprocess, environment=environment))
            ours.append(seconds([sys.executable, str(script)], environment={"OMP_WAIT_POLICY": "passive"}))
        result["preprocess"] = {"nnunet": summary(theirs), "scanwright": summary(ours)}

        outs = {"nnunet": str(folder / "theirs.npy"), "scanwright": str(folder / "ours.npy")}
        code = {"nnunet": (peer, RESAMPLE_PEER), "scanwright": (Path(sys.executable), RESAMPLE_OURS)}
        resample: dict[str, object] = {}
        for who, (python, text) in code.items():
            text = text.format(repeats=given.repeats, out=outs[who])
            done = subprocess.run([str(python), "-c", text], capture_output=True, text=True, check=True)
            resample[who] = summary(json.loads(done.stdout.strip().splitlines()[-1]))
        import numpy as np

        resample["largest_difference"] = float(np.abs(np.load(outs["nnunet"]) - np.load(outs["scanwright"])).max())
        result["resample_256x256x200_by_1.3"] = resample

        subprocess.run([str(peer), "-c", UNTRAINED], env={**os.environ, **environment}, check=True, capture_output=True)
        scan = folder / "scan"
        scan.mkdir()
        shutil.copy(raw / "imagesTr" / f"{case}_0000.nii.gz", scan)
        predict = [str(tools / "nnUNetv2_predict"), "-i", str(scan), "-o", str(folder / "answer"), "-d", "1"]
        predict += ["-c", "3d_fullres", "-f", "0", "-device", "cpu"]
        mine = [str(SCRIPTS / "scanwright"), "predict", str(given.model), str(scan), "-o", str(folder / "mine")]
        theirs, ours = [], []
        for _ in range(given.repeats):
            theirs.append(seconds(predict, environment={**environment, "OMP_NUM_THREADS": cores}))
            ours.append(seconds(mine))
        result["predict_one_case"] = {"nnunet": summary(theirs), "scanwright": summary(ours)}
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
