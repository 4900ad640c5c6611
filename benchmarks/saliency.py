"""Whether explanations of a trained network say something: the randomisation check, and where they point on outlined lesions.

    python benchmarks/saliency.py RUN DATA [--cases 20] [-o FILE]

RUN: a finished run of a network that answers whole images. Its first fold's network is asked about cases that it did not learn
from, for the class that it decides. Each method passes if its maps do not survive the loss of all weights (Adebayo et al. 2018;
Spearman's correlation of at most 0.5). Where DATA has label maps, the pointing game (Zhang et al. 2018, Int J Comput Vis 126):
in how many outlined cases the largest value lies on the outline's inside, beside the share of the image that this inside is.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from record import write_result
from torch import Tensor, nn

from scanwright.api.run.answer import trained_network
from scanwright.api.run.folder import WEIGHTS
from scanwright.dataset.images import read_case_image
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import parse_task
from scanwright.errors import InputError
from scanwright.explanation.gradients import grad_cam, integrated_gradients, output_score, smooth_grad
from scanwright.explanation.placing import on_case_grid
from scanwright.explanation.sanity import Explain, randomisation_check
from scanwright.inference.predict import pad_to_patch
from scanwright.io.formats import read_label
from scanwright.io.source import LabelSource
from scanwright.network.whole import LAST_MAP
from scanwright.plan.plan import plan_from_json
from scanwright.transform.preprocess import to_network
from scanwright.types import Array


def told_by(network: nn.Module, image_CDHW: Tensor) -> int:
    """The output that is largest: the class that a network decides."""
    with torch.no_grad():
        return int(network(image_CDHW[None])[0][0].argmax())


def methods(network: nn.Module) -> dict[str, Explain]:
    """Each method, for the class that the trained network decides."""

    def cam(asked: nn.Module, image: Tensor) -> Array:
        return grad_cam(asked, image, score=output_score(told_by(network, image)), layer=LAST_MAP)

    def integrated(asked: nn.Module, image: Tensor) -> Array:
        return integrated_gradients(asked, image, score=output_score(told_by(network, image)))

    def smooth(asked: nn.Module, image: Tensor) -> Array:
        return smooth_grad(asked, image, score=output_score(told_by(network, image)), seed=0)

    return {"Grad-CAM": cam, "integrated gradients": integrated, "SmoothGrad": smooth}


def outlines_of(data: Path) -> dict[str, LabelSource | None]:
    """The label map of each case, if the data set has any."""
    try:
        return {case.id: case.label for case in read_dataset(data, kind="segmentation").cases}
    except InputError:
        return {}


def main() -> None:
    """Everything, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    plan = plan_from_json(json.loads((given.run / "plan.json").read_text()))
    task = parse_task(json.loads((given.run / "task.json").read_text()), where=given.run)
    fold = plan.training.folds[0]
    network = trained_network(given.run / "folds" / str(fold) / WEIGHTS, plan, torch.device("cpu"))
    judged = json.loads((given.run / "splits.json").read_text())["folds"][fold]["validation"]
    outlines = outlines_of(given.data)
    cases = {case.id: case for case in read_dataset(given.data, kind="classification").cases}
    asked = judged[:: max(1, len(judged) // given.cases)][: given.cases]
    prepared = [to_network(read_case_image(cases[name], task), plan.preprocess) for name in asked]
    padded = [pad_to_patch(image, plan.batch.patch) for image, _ in prepared]
    images = [torch.from_numpy(image) for image, _ in padded]
    result: dict[str, Any] = {"network": plan.network.title, "cases": len(images), "methods": {}}
    for name, explain in methods(network).items():
        found = randomisation_check(network, explain, images, seed=0)
        entry: dict[str, Any] = {
            "passed": found.passed,
            "correlations": [round(one.correlation, 3) for one in found.stages if one.correlation is not None],
            "of_sizes": [round(one.size_correlation, 3) for one in found.stages if one.size_correlation is not None],
        }
        hits, shares = [], []
        for case, image, (_, offset), (_, placement) in zip(asked, images, padded, prepared, strict=True):
            label = outlines.get(case)
            if label is None:
                continue
            inside = read_label(label).voxels[0] > 0
            if not inside.any():
                continue
            cut = tuple(slice(start, start + length) for start, length in zip(offset, placement.shape, strict=True))
            shown = on_case_grid(np.asarray(explain(network, image))[cut], placement)
            hits.append(bool(inside[np.unravel_index(int(shown.argmax()), shown.shape)]))
            shares.append(float(inside.mean()))
        if hits:
            entry |= {
                "points_inside": sum(hits),
                "outlined": len(hits),
                "mean_share_of_image": round(float(np.mean(shares)), 3),
            }
        result["methods"][name] = entry
        print(name, json.dumps(entry), flush=True)
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
