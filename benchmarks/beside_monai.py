"""A finished run beside MONAI's U-Net, on the same cases of the same fold, trained for the same time on the same machine.

    python benchmarks/beside_monai.py RUN [--as documented|fitted …] [--seconds S] [-o benchmarks/results/NAME.json]

documented: the settings of MONAI's tutorials spleen_segmentation_3d (1.5 x 1.5 x 2 mm, window -57 … 164 HU for CT, eight
patches of 96³ a step around positive and negative voxels at 1:1, Adam 1e-4) and 2d_segmentation/unet_training_array (ten
random patches of 96² a step, quarter turns, Adam 1e-3), window overlap 0.25. They are made for a GPU and for hours.
fitted: what somebody who knows MONAI would change for a few minutes on a CPU: spacing, grey values, patch and number of patches
of the run beside it, Adam 1e-3, mirrored where the run mirrors.

Beside the means over all cases, each region's mean over the cases that have it is given, and in how many of the others it was
invented: where cases lack a region, the means of two models are over different cases (docs/concepts/metrics.md).

In both, the network is UNet(16, 32, 64, 128, 256) with two residual units and batch norm, and the loss is Dice. Answers are
brought to each case's own grid and scored by the same code as the run's.
"""

import argparse
import json
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.losses.dice import DiceLoss
from monai.networks.nets.unet import UNet
from monai.transforms.compose import Compose
from monai.transforms.croppad.dictionary import RandCropByPosNegLabeld, RandSpatialCropd, SpatialPadd
from monai.transforms.spatial.dictionary import RandFlipd, RandRotate90d
from monai.transforms.transform import MapTransform
from record import write_result
from torch import Tensor, nn

from scanwright.dataset.cases import Case
from scanwright.dataset.images import read_case_image
from scanwright.dataset.read import read_dataset
from scanwright.evaluation.label_maps.evaluate import CaseRow, evaluate_case, summarise
from scanwright.files import read_json
from scanwright.inference.predict import Engine, predict_labels
from scanwright.io.formats import read_label
from scanwright.plan.plan import ChannelNormalization, Plan
from scanwright.problem.segmentation import Segmentation
from scanwright.runtime import num_threads
from scanwright.transform.prepare import prepare_case
from scanwright.transform.preprocess import to_network
from scanwright.types import Shape3

KEYS = ("image", "label")
STRIDE = 16
"""By which MONAI's network halves a patch."""


@dataclass(frozen=True)
class Recipe:
    """How MONAI trains. plan: the run's, with what differs in it; the rest of it (network, optimiser) is not used."""

    plan: Plan
    crop: Compose
    patches: int
    learning_rate: float


class Wrapped(nn.Module):
    """MONAI's network as the inference code calls one: (N, C, D, H, W) to a list of logits; a slice at a time in 2-D."""

    def __init__(self, axes: int, channels: int, outputs: int) -> None:
        super().__init__()
        widths, strides = (16, 32, 64, 128, 256), (2, 2, 2, 2)
        self.inner = UNet(axes, channels, outputs, widths, strides, num_res_units=2, norm="batch")
        self.flat = axes == 2

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        if self.flat:
            return [self.inner(image_NCDHW[:, :, 0])[:, :, None]]
        return [self.inner(image_NCDHW)]


def documented(plan: Plan) -> Recipe:
    """The tutorials' settings."""
    flat = plan.batch.patch[0] == 1
    patch = (1, 96, 96) if flat else (96, 96, 96)
    preprocess: dict[str, Any] = {"image_order": 1}
    if flat:
        preprocess["long_side"] = None
    if plan.preprocess.spacing is not None:
        preprocess["spacing"] = tuple(2.0 if axis == 2 else 1.5 for axis in plan.preprocess.axes)
    if plan.preprocess.normalization[0].scheme == "ct":
        window = ChannelNormalization(scheme="ct", low=-57, high=164, mean=-57, std=221)
        preprocess["normalization"] = (window,)
    crops: list[MapTransform]
    if flat:
        crops = [RandSpatialCropd(KEYS, patch, random_size=False), RandRotate90d(KEYS, 0.5, spatial_axes=(1, 2))]
    else:
        crops = [RandCropByPosNegLabeld(KEYS, "label", patch, pos=1, neg=1, num_samples=1)]
    return Recipe(altered(plan, patch, preprocess), crop_to(patch, crops), 10 if flat else 8, 1e-3 if flat else 1e-4)


def fitted(plan: Plan) -> Recipe:
    """The run's own grid and patches."""
    long = [1 if size == 1 else -(-size // STRIDE) * STRIDE for size in plan.batch.patch]
    patch: Shape3 = (long[0], long[1], long[2])
    around = RandCropByPosNegLabeld(KEYS, "label", patch, pos=1, neg=1, num_samples=1)
    flips = [RandFlipd(KEYS, 0.5, axis) for axis, wanted in enumerate(plan.augment.mirror) if wanted]
    return Recipe(altered(plan, patch, {}), crop_to(patch, [around, *flips]), plan.batch.size, 1e-3)


RECIPES = {"documented": documented, "fitted": fitted}


def altered(plan: Plan, patch: Shape3, preprocess: dict[str, Any]) -> Plan:
    """The plan with another patch and preparation, windows that overlap by a quarter, no views, full precision."""
    return plan.model_copy(
        update={
            "preprocess": plan.preprocess.model_copy(update=preprocess),
            "batch": plan.batch.model_copy(update={"patch": patch}),
            "inference": plan.inference.model_copy(update={"step_share": 0.75, "mirror": (False, False, False)}),
            "training": plan.training.model_copy(update={"precision": "float32", "channels_last": False}),
        }
    )


def crop_to(patch: Shape3, crops: list[MapTransform]) -> Compose:
    """Cut after growing to at least a patch."""
    return Compose([SpatialPadd(KEYS, patch), *crops])


def one(piece: dict[str, Tensor] | list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """What a transform gives, which is a list for those that can give several."""
    return piece[0] if isinstance(piece, list) else piece


def train(recipe: Recipe, cases: list[dict[str, Any]], network: nn.Module, *, seconds: float) -> int:
    """Train for some seconds; gives the number of steps."""
    loss_of = DiceLoss(to_onehot_y=True, softmax=True)
    optimizer = torch.optim.Adam(network.parameters(), recipe.learning_rate)
    rng, began, steps = np.random.default_rng(0), time.monotonic(), 0
    network.train()
    while time.monotonic() - began < seconds:
        chosen = rng.choice(len(cases), recipe.patches)
        pieces = [one(recipe.crop({"image": cases[k]["image"], "label": cases[k]["codes"][None]})) for k in chosen]
        image, codes = (
            torch.stack([torch.as_tensor(piece[key]).as_subclass(Tensor) for piece in pieces]) for key in KEYS
        )
        optimizer.zero_grad()
        loss = loss_of(network(image.float())[0], codes)
        loss.backward()
        optimizer.step()
        steps += 1
    network.eval()
    return steps


def judged(engine: Engine, case: Case) -> CaseRow:
    """One validation case, answered and scored as a run does it."""
    assert isinstance(engine.problem, Segmentation)
    assert case.label is not None
    task = engine.problem.task
    image, placement = to_network(read_case_image(case, task), engine.plan.preprocess)
    label = read_label(case.label)
    metrics = evaluate_case(
        label.voxels[0],
        predict_labels(engine, image, placement),
        regions={region.name: region.values for region in task.regions},
        spacing=label.grid.spacing,
        unit=label.grid.unit,
        ignore=task.ignore,
    )
    return CaseRow(case=case.id, patient=case.patient, metrics=metrics)


def run_recipe(name: str, given: Path, *, seconds: float) -> dict[str, Any]:
    """Train and score one recipe beside a run; gives its overall numbers."""
    request, plan = read_json(given / "request.json"), Plan.model_validate(read_json(given / "plan.json"))
    dataset = read_dataset(Path(request["data"]), request["layout"]).without(request["exclude"])
    problem, fold = Segmentation(dataset.task), plan.training.folds[0]
    recipe = RECIPES[name](plan)
    parts = read_json(given / "splits.json")["folds"][fold]
    cases = {case.id: case for case in dataset.cases}
    ready = partial(prepare_case, task=dataset.task, plan=recipe.plan.preprocess, codes=dict(problem.codes))
    torch.manual_seed(0)
    recipe.crop.set_random_state(0)
    network = Wrapped(2 if plan.batch.patch[0] == 1 else 3, plan.network.in_channels, plan.network.out_channels)
    steps = train(recipe, [ready(cases[case]) for case in parts["train"]], network, seconds=seconds)
    engine = Engine([network], recipe.plan, problem, torch.device("cpu"))
    rows = [judged(engine, cases[case]) for case in parts["validation"]]
    regions = [region.name for region in dataset.task.regions]
    summary = summarise(rows, problem="segmentation", primary="dice", regions=regions)
    return {"steps": steps, "patches_a_step": recipe.patches, "patch": recipe.plan.batch.patch, **chosen(summary)}


def chosen(summary: dict[str, Any]) -> dict[str, Any]:
    """The numbers that the table shows, whatever the unit of length is. summary: what metrics.json holds."""
    shown = {
        name: value for name, value in summary["overall"].items() if name in ("dice", "nsd") or name.startswith("hd95")
    }
    return shown | {"by_region": {region: of_region(summary, region) for region in summary["by_class"]}}


def of_region(summary: dict[str, Any], region: str) -> dict[str, Any]:
    """Mean Dice over the cases that have a region, and in how many of the others it was invented."""
    missed, invented, absent = (summary["flags"][kind][region] for kind in ("missed", "invented", "absent"))
    dice, without = summary["by_class"][region]["dice"], invented + absent
    having = dice["n"] - without
    mean = dice["mean"] * dice["n_defined"] / having if having else None  # the invented ones add 0
    return {"cases_with": having, "dice": mean, "missed": missed, "cases_without": without, "invented": invented}


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--as", dest="recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--seconds", type=float, help="training time; that of the run by default")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(num_threads())
    metrics, record = read_json(given.run / "metrics.json"), read_json(given.run / "run.json")
    seconds = given.seconds or record["stages"]["train"]["seconds"]
    log = (
        given.run / "folds" / str(read_json(given.run / "plan.json")["training"]["folds"][0]) / "log.jsonl"
    ).read_text()
    result = {
        "data": Path(read_json(given.run / "request.json")["data"]).name,
        "run": record["command"],
        "training_seconds": round(seconds, 1),
        "scanwright": {"steps": json.loads(log.splitlines()[-1])["step"], **chosen(metrics)},
        **{f"monai, {name}": run_recipe(name, given.run, seconds=seconds) for name in given.recipes},
    }
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
