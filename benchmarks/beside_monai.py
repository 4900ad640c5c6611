"""A finished run beside MONAI's U-Net with its documented settings, on the same cases, for the same training time.

    python benchmarks/beside_monai.py RUN [--seconds S] [-o benchmarks/results/NAME.json]

Settings are those of MONAI's tutorials spleen_segmentation_3d and 2d_segmentation/unet_training_array: UNet(16, 32, 64, 128,
256) with two residual units and batch norm, Dice loss, Adam (1e-4 in 3-D, 1e-3 in 2-D), patches of 96 per axis (at most the
image) around positive and negative voxels at 1:1, sliding-window inference. The network is trained for as many seconds as the
run trained, on the run's fold, and scored by the same code. What the tutorials leave to the user (a seed, the intensity window)
is set here: seed 0, z-score per image, the tutorial's window for CT.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from monai.losses import DiceLoss
from monai.networks.nets import UNet
from monai.transforms import Compose, NormalizeIntensity, RandCropByPosNegLabeld, ScaleIntensityRange, SpatialPadd
from record import write_result

from scanwright.dataset.cases import Case
from scanwright.dataset.images import read_case_image
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Task
from scanwright.evaluation.evaluate import CaseRow, evaluate_case, summarise
from scanwright.files import read_json
from scanwright.io.formats import read_label
from scanwright.runtime import num_threads


def load(case: Case, task: Task, *, flat: bool) -> tuple[torch.Tensor, torch.Tensor, object]:
    volume, label = read_case_image(case, task), read_label(case.label)
    codes = np.zeros(label.voxels.shape, np.int64)
    for index, region in enumerate(task.regions):
        for value in region.values:
            codes[label.voxels == value] = index + 1
    image = torch.from_numpy(volume.voxels.astype(np.float32))
    ct = task.channels[0].modality == "ct"
    normalize = ScaleIntensityRange(-57, 164, 0.0, 1.0, clip=True) if ct else NormalizeIntensity(channel_wise=True)
    image, codes = torch.as_tensor(normalize(image)), torch.from_numpy(codes)
    return (image[..., 0], codes[..., 0], label) if flat else (image, codes, label)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--seconds", type=float, help="training time; that of the run by default")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(num_threads())
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 (MONAI's own transforms draw from it)

    request, record = read_json(given.run / "request.json"), read_json(given.run / "run.json")
    dataset = read_dataset(Path(request["data"]), request["layout"]).without(request["exclude"])
    task, splits = dataset.task, read_json(given.run / "splits.json")
    fold = read_json(given.run / "plan.json")["training"]["folds"][0]
    seconds = given.seconds or record["stages"]["train"]["seconds"]
    flat = read_json(given.run / "fingerprint.json")["dimension"] == 2
    cases = {case.id: case for case in dataset.cases}
    training = [load(cases[name], task, flat=flat)[:2] for name in splits["folds"][fold]["train"]]

    axes = 2 if flat else 3
    shapes = np.array([codes.shape[1:] for _, codes in training])
    roi = tuple(int(min(96, -(-np.median(shapes[:, k]) // 16) * 16)) for k in range(axes))
    crop = Compose(
        [
            SpatialPadd(("image", "label"), roi),
            RandCropByPosNegLabeld(("image", "label"), "label", roi, pos=1, neg=1, num_samples=1, image_key=None),
        ]
    )
    network = UNet(
        axes,
        len(task.channels),
        len(task.regions) + 1,
        (16, 32, 64, 128, 256),
        (2, 2, 2, 2),
        num_res_units=2,
        norm="batch",
    )
    loss_of = DiceLoss(to_onehot_y=True, softmax=True)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3 if flat else 1e-4)
    rng, began, steps = np.random.default_rng(0), time.monotonic(), 0
    while time.monotonic() - began < seconds:
        chosen = [training[k] for k in rng.choice(len(training), 2 if not flat else 5)]
        pieces = [crop({"image": image, "label": codes})[0] for image, codes in chosen]
        image = torch.stack([piece["image"] for piece in pieces]).as_tensor()
        codes = torch.stack([piece["label"] for piece in pieces]).as_tensor()
        optimizer.zero_grad()
        loss = loss_of(network(image), codes)
        loss.backward()
        optimizer.step()
        steps += 1
    network.eval()

    rows = []
    with torch.no_grad():
        for name in splits["folds"][fold]["validation"]:
            image, _, label = load(cases[name], task, flat=flat)
            answer = sliding_window_inference(image[None], roi, 4, network, overlap=0.25).argmax(1)[0].numpy()
            answer = answer[..., None] if flat else answer
            values = np.array([0, *(region.values[0] for region in task.regions)])
            metrics = evaluate_case(
                label.voxels[0],
                values[answer],
                regions={region.name: region.values for region in task.regions},
                spacing=label.grid.spacing,
                unit=label.grid.unit,
            )
            rows.append(CaseRow(case=name, patient=cases[name].patient, metrics=metrics))
    regions = [region.name for region in task.regions]
    monai = summarise(rows, problem="segmentation", primary="dice", regions=regions)
    ours = read_json(given.run / "metrics.json")
    unit = read_json(given.run / "fingerprint.json")["unit"]
    names = ("dice", "nsd", f"hd95_{unit}")
    result = {
        "data": dataset.root.name,
        "fold": fold,
        "cases": len(rows),
        "training_seconds": round(seconds, 1),
        "monai_steps": steps,
        "scanwright": {name: ours["overall"][name] for name in names},
        "monai": {name: monai["overall"][name] for name in names},
    }
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
