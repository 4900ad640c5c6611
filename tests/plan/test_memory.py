import json
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fakes import plan
from plan_samples import FOLDERS, fingerprint, kept_fingerprint, planned
from scanwright.dataset.facts import Spread
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.network.build import num_parameters
from scanwright.network.unet import UNet
from scanwright.plan.memory import (
    LABEL_BYTES,
    NORMALIZING_BYTES,
    feature_bytes,
    least_answering_bytes,
    least_boxes,
    least_preparing_bytes,
    least_voxels,
    prediction_bytes,
    preparing_bytes,
    training_bytes,
    weight_count,
)
from scanwright.plan.plan import ChannelNormalization, NetworkPlan, Plan
from scanwright.transform.preprocess import to_network, whole

TESTS = Path(__file__).resolve().parents[1]

STEP = """
import json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from fakes import plan, task
from scanwright.network.build import build
from scanwright.plan.memory import training_bytes
from scanwright.problem.segmentation import Segmentation
from scanwright.training.batches import Batches
from scanwright.training.loop import start, take_step
from scanwright.training.probe import random_case

def peak():  # of this program alone: what getrusage gives also counts the process that it was forked from
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

def step(**options):
    planned, cpu = plan(**options), torch.device("cpu")
    state = start(build(planned.network), planned, device=cpu)
    problem = Segmentation(task(planned.network.out_channels - 1))
    batch = Batches([random_case(planned, problem)], planned, seed=0, device=cpu).batch(0)
    take_step(state, *batch, problem=problem, plan=planned, progress=0.5)
    return training_bytes(planned), peak() - before

before = peak()
print(json.dumps([step(**options) for options in json.loads(sys.argv[1])]))
"""
SMALL_STEPS = [
    {"patch": (32, 40, 40), "base": 16},
    {"patch": (1, 160, 160), "base": 16, "batch": 4, "outputs": 4},
]
"""The larger one last: a process knows its highest peak only."""


def changed(made: Plan, **network: object) -> NetworkPlan:
    return NetworkPlan.model_validate(made.network.model_dump() | network)


NETWORKS = {
    **{folder: planned(kept_fingerprint(folder), steps=1).network for folder in FOLDERS},
    "thick slices": plan(patch=(8, 64, 64), spacing=(5.0, 1.0, 1.0), base=24).network,
    "folded": planned(steps=1, values={"network.fold": [2, 2, 2]}).network,
    "folded slices": planned(kept_fingerprint(FOLDERS[3]), steps=1, values={"network.fold": [1, 2, 2]}).network,
    "deep supervision": changed(plan(base=24), deep_supervision=True),
    "residual": changed(plan(patch=(32, 32, 32), base=24), residual=True),
    "three blocks, four channels": changed(plan(base=24), blocks=3, in_channels=4),
    "a hundred classes": changed(plan(patch=(32, 32, 32), base=24), out_channels=100),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_weight_count__is_the_built_networks_within_two_percent(name: str) -> None:
    with torch.device("meta"):  # shapes without numbers: nothing is allocated
        built = num_parameters(UNet(NETWORKS[name]))
    assert weight_count(NETWORKS[name]) == pytest.approx(built, rel=0.02)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_training_bytes__within_a_factor_of_two_of_measured_steps() -> None:
    command = [sys.executable, "-W", "error", "-c", STEP, json.dumps(SMALL_STEPS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for expected, measured in json.loads(done.stdout):
        assert measured / 2 < expected < measured * 2, f"{expected >> 20} MiB expected, {measured >> 20} MiB measured"


def test_training_bytes__follow_batch_patch_width_and_precision() -> None:
    base = training_bytes(plan(patch=(32, 32, 32), base=16))
    assert 1.5 * base < training_bytes(plan(patch=(32, 32, 32), base=16, batch=4)) < 2 * base
    assert 1.5 * base < training_bytes(plan(patch=(64, 32, 32), base=16)) < 2.5 * base
    assert 1.8 * base < training_bytes(plan(patch=(32, 32, 32), base=32)) < 4 * base
    assert 0.5 * base < training_bytes(plan(patch=(32, 32, 32), base=16, precision="bfloat16")) < base


def test_feature_bytes__by_hand() -> None:
    """Two levels, widths 4 and 8, two convolutions: 3 x 2 x 4 at full size, 2 x 8 at an eighth, and 3 x 3 of the head."""
    network = plan(patch=(8, 8, 8)).network
    assert network.widths == (4, 8)
    assert feature_bytes(network, (8, 8, 8), bytes_per_value=4) == 4 * (512 * 24 + 64 * 16 + 512 * 9)


def predicted(classes: int, *, slices: int, half: bool = False, networks: int = 1) -> int:
    made = plan(patch=(32, 64, 64), outputs=classes)
    shape = (slices, 256, 256)
    return prediction_bytes(made, network_shape=shape, case_shape=shape, half=half, networks=networks)


def test_prediction_bytes__do_not_grow_with_classes_times_volume() -> None:
    """What more slices cost does not hang on the classes; what more classes cost does not hang on the slices."""
    assert predicted(200, slices=800) - predicted(200, slices=400) == predicted(100, slices=800) - predicted(
        100, slices=400
    )
    voxels = 400 * 256 * 256
    assert predicted(200, slices=800) - predicted(200, slices=400) == (4 + LABEL_BYTES) * voxels, "image and labels"
    assert predicted(100, slices=800) < 100 * 4 * 2 * voxels / 5, "a fifth of what all probabilities would take"


def test_prediction_bytes__few_classes_take_what_preparing_takes() -> None:
    """The image is z-scored before there are sums: 12 bytes a voxel of the file; answering takes 4 and the labels."""
    voxels = 400 * 256 * 256
    assert predicted(2, slices=800) - predicted(2, slices=400) == NORMALIZING_BYTES["zscore"] * voxels


def test_prediction_bytes__half_the_sums_and_one_more_network() -> None:
    """Sums: 16 slices that two rows of windows share, and a strip of 32 slices by 64 lines."""
    sums = 100 * (16 * 256 + 32 * 64) * 256 * 4
    assert predicted(100, slices=400) - predicted(100, slices=400, half=True) == sums / 2
    made = plan(patch=(32, 64, 64), outputs=100)
    more = predicted(100, slices=400, networks=5) - predicted(100, slices=400, networks=2)
    assert more == 3 * 4 * weight_count(made.network)


def test_prediction_bytes__windows_side_by_side_share_nothing() -> None:
    made = plan(patch=(32, 64, 64), outputs=100)
    apart = made.model_copy(update={"inference": made.inference.model_copy(update={"step_share": 1.0})})
    one, other = (
        prediction_bytes(each, network_shape=(320, 256, 256), case_shape=(320, 256, 256), half=True)
        for each in (made, apart)
    )
    assert one - other == 100 * 16 * 256 * 256 * 2


def test_prediction_bytes__the_bar_for_a_large_scan_at_its_own_resolution() -> None:
    """512 x 512 x 600 voxels and 100 classes: far under 6 GB above the input, in windows of 48 and of 64."""
    shape = (600, 512, 512)
    for edge, most in ((48, 3), (64, 4)):
        made = plan(patch=(edge,) * 3, outputs=101, base=24, precision="bfloat16")
        made = made.model_copy(update={"inference": made.inference.model_copy(update={"batch": 1})})
        need = prediction_bytes(made, network_shape=shape, case_shape=shape, half=True)
        assert need < most * 2**30, f"{need / 2**30:.2f} GiB for windows of {edge}"


def test_prediction_bytes__an_image_smaller_than_a_patch_counts_as_one() -> None:
    made = plan(patch=(32, 64, 64), outputs=100)
    small, patch = (
        prediction_bytes(made, network_shape=shape, case_shape=shape, half=False) for shape in ((5, 6, 7), (32, 64, 64))
    )
    padded = 32 * 64 * 64 * 4
    assert small == patch + padded + (5 * 6 * 7 - 32 * 64 * 64) * (4 + LABEL_BYTES), "held beside the padded one"


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("values", [{}, {"preprocess.spacing": [2.9, 0.6, 0.7]}, {"preprocess.long_side": 640}])
@pytest.mark.parametrize("drawn", range(5))
def test_least_bytes__never_more_than_the_largest_case_takes(folder: str, values: dict[str, Any], drawn: int) -> None:
    """Cases drawn at random, their ranges as a fingerprint has them; and never a hundredth of it only."""
    rng = np.random.default_rng(drawn)
    kept = kept_fingerprint(folder)
    flat = kept.dimension == 2
    grids = [
        Grid.from_spacing(
            (int(rng.integers(40, 80)), int(rng.integers(40, 80)), 1 if flat else int(rng.integers(20, 80))),
            tuple(rng.uniform(0.5, 1.5, 3)) if kept.unit == "mm" else (1.0, 1.0, 1.0),
            unit=kept.unit,
        )
        for _ in range(6)
    ]
    rows = {"shape": [grid.shape for grid in grids], "spacing": [grid.spacing for grid in grids]}
    rows["extent"] = [grid.extent for grid in grids]
    ranges = {name: tuple(range_of(column) for column in zip(*values, strict=True)) for name, values in rows.items()}
    found = kept.model_copy(update={**ranges, "voxels": range_of([grid.num_voxels for grid in grids])})
    made = planned(kept, steps=1, values=values)
    made = made.model_copy(update={"preprocess": made.preprocess.model_copy(update={"crop_to_nonzero": False})})
    needs = []
    for grid in grids:
        place = whole(grid, made.preprocess)
        answer = prediction_bytes(made, network_shape=place.shape, case_shape=place.box_shape, half=True)
        needs.append((preparing_bytes(made, place.shape, place.box_shape), answer, np.prod(place.shape)))
    prepared, answered, voxels = np.max(needs, axis=0)
    assert voxels / 20 < least_voxels(made.preprocess, found) <= voxels * 1.05, "rounding of short sides"
    assert least_preparing_bytes(made, found) <= prepared
    assert answered / 3 < least_answering_bytes(made, found) <= answered


def range_of(values: Sequence[float]) -> Spread:
    middle = float(np.median(values))
    return Spread(min=min(values), p10=middle, median=middle, p90=middle, max=max(values))


def test_least_preparing_bytes__by_hand() -> None:
    """100 x 100 x 100 voxels of 1 mm at half of it: eight times as many, the image and a copy of its one channel."""
    found = fingerprint((100, 100, 100))
    made = planned(found, steps=1, values={"preprocess.spacing": [0.5, 0.5, 0.5]})
    assert least_voxels(made.preprocess, found) == 8_000_000
    assert least_preparing_bytes(made, found) == 4 * 8_000_000 * 2
    same = planned(found, steps=1, values={"preprocess.spacing": [1, 1, 1]})
    assert least_preparing_bytes(same, found) == 4 * 1_000_000


def test_least_boxes__without_a_border_of_zeros_and_of_one_slice() -> None:
    found = fingerprint((100, 100, 100), body_fraction=0.125)
    prepare = planned(found, steps=1, values={"preprocess.spacing": [1, 1, 2]}).preprocess
    assert prepare.crop_to_nonzero
    assert set(least_boxes(prepare, found, cropped=True)) == {(50, 50, 25)}
    assert set(least_boxes(prepare, found, cropped=False)) == {(100, 100, 50)}
    flat = fingerprint((60, 80, 1), (1.0, 1.0, 8.0))
    prepare = planned(flat, steps=1, values={"preprocess.spacing": [0.5, 0.5, 0.5]}).preprocess
    assert set(least_boxes(prepare, flat, cropped=False)) == {(1, 160, 120)}


SCRATCH = 256 << 10
"""Buffers of NumPy's sums, whatever the size."""


@pytest.mark.parametrize("scheme", NORMALIZING_BYTES)
@pytest.mark.parametrize("spacing", [0.75, 0.6, 1.5])
def test_preparing_bytes__are_what_numpy_asks_for(scheme: str, spacing: float) -> None:
    """An upper bound, and by less than a third, of what is traced less the network's image, which is not written yet."""
    shape = (64, 64, 80)
    channel = ChannelNormalization(scheme=scheme, low=-500.0, high=700.0, mean=20.0, std=150.0)
    prepare = plan().preprocess.model_copy(update={"spacing": (spacing,) * 3, "normalization": (channel,)})
    made = plan().model_copy(update={"preprocess": prepare})
    voxels = np.random.default_rng(0).integers(-1000, 1500, shape, dtype=np.int16)
    volume = Volume(voxels[None], Grid.from_spacing(shape, (0.75,) * 3))
    to_network(volume, prepare)  # matrices are kept
    tracemalloc.start()
    image, placement = to_network(volume, prepare)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    expected = preparing_bytes(made, placement.shape, placement.box_shape)
    assert peak - image.nbytes < expected + SCRATCH
    assert scheme == "none" or expected < 1.3 * peak
