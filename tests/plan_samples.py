"""Fingerprints, machines and settings to plan for: made up here, or kept from the labelled data folders."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scanwright.dataset.facts import ChannelPrint, Fingerprint, Intensity, RegionPrint, Spread
from scanwright.dataset.task import Channel, Region, Task
from scanwright.files import read_json
from scanwright.plan.budget import Candidate, Cost, Workload
from scanwright.plan.make import make
from scanwright.plan.plan import Plan
from scanwright.plan.settings import Settings
from scanwright.problem.segmentation import Segmentation
from scanwright.runtime import Machine

GOLDEN = Path(__file__).parent / "golden"
FOLDERS = ("hippocampus_mri", "ct_sarcoma", "xray_lung_covid", "ultrasound_breast_busi")

LAPTOP = Machine(
    device="cpu", device_name="a laptop", threads=2, fast_bfloat16=False, memory_bytes=16 << 30, platform="Linux"
)
GPU = replace(LAPTOP, device="cuda", device_name="a GPU", fast_bfloat16=True)
LADDER = (Candidate(24, 1, 2, 4000), Candidate(16, 1, 2, 600), Candidate(16, 2, 2, 0))
WORKLOAD = Workload(folds=5, cases=100, answered=100, spent_s=10.0, per_case_s=0.05, tail_s=6.0)

Three = tuple[float, float, float]


def spread(median: float, *, p10: float | None = None) -> Spread:
    """A number that varies little, or whose lower tenth is given."""
    low = median if p10 is None else p10
    return Spread(min=low, p10=low, median=median, p90=median, max=median)


def _spreads(values: Sequence[float], p10: Sequence[float] | None = None) -> tuple[Spread, Spread, Spread]:
    x, y, z = (spread(value, p10=low) for value, low in zip(values, p10 or values, strict=True))
    return x, y, z


def intensity(**changes: float) -> Intensity:
    return Intensity(**{**dict(min=0, max=200, mean=100, std=20, p005=50, p500=100, p995=160), **changes})


def fingerprint(
    shape: Three = (100, 100, 100),
    spacing: Three = (1, 1, 1),
    *,
    unit: str = "mm",
    modalities: Sequence[str] = ("mr",),
    spacing_p10: Three | None = None,
    body_fraction: float = 1.0,
    shares: Sequence[float] = (0.02, 0.02),
    volume: float = 0.1,
) -> Fingerprint:
    """A data set of like cases, triples in x, y, z; 2-D if an axis has one voxel. One region of `volume` for each share."""
    extent = [length * edge for length, edge in zip(shape, spacing, strict=True)]
    side = body_fraction ** (1 / 3)
    flat = next((axis for axis in (2, 1, 0) if shape[axis] == 1), None)
    return Fingerprint(
        num_cases=50,
        num_patients=50,
        dimension=3 if flat is None else 2,
        flat_axis=flat,
        unit=unit,  # type: ignore[arg-type]
        shape=_spreads(shape),
        body_shape=_spreads([length * side for length in shape]),
        spacing=_spreads(spacing, spacing_p10),
        extent=_spreads(extent),
        body_extent=_spreads([length * side for length in extent]),
        foreground_extent=_spreads([length / 2 for length in extent]),
        voxels=spread(shape[0] * shape[1] * shape[2]),
        body_fraction=spread(body_fraction),
        orientations={"RAS": 50},
        dtypes={"int16": 50},
        channels=tuple(
            ChannelPrint(name=f"c{k}", modality=kind, foreground=intensity(), whole=intensity(min=-5, max=255))  # type: ignore[arg-type]
            for k, kind in enumerate(modalities)
        ),
        regions=tuple(
            RegionPrint(name=f"r{k}", present=50, volume=spread(volume), share=spread(share), components=spread(1))
            for k, share in enumerate(shares)
        ),
        background_share=1 - sum(shares),
        imbalance=None,
    )


VOLUMES = fingerprint((120, 120, 120))
PICTURES = fingerprint((900, 700, 1), unit="px", modalities=("xray",))
THICK = fingerprint((400, 400, 40), (0.7, 0.7, 5.0), modalities=("ct", "mr"), body_fraction=0.6)


def steady(step_s: float, window_s: float = 0.0) -> Callable[[Plan], Cost]:
    """A machine on which every network takes the same time."""
    return lambda plan: Cost(step_s, window_s)


def task_of(found: Fingerprint) -> Task:
    """A task with the fingerprint's channels and regions, exclusive."""
    return Task(
        name="sample",
        channels=tuple(Channel(name=channel.name, modality=channel.modality) for channel in found.channels),
        regions=tuple(Region(name=region.name, values=(k + 1,)) for k, region in enumerate(found.regions)),
    )


def kept_fingerprint(folder: str) -> Fingerprint:
    """The fingerprint of a labelled data folder, as it was found (tests/dataset/test_real_data.py finds it again)."""
    return Fingerprint.model_validate(read_json(GOLDEN / "fingerprints" / f"{folder}.json"))


def planned(
    found: Fingerprint | None = None,
    *,
    machine: Machine = LAPTOP,
    workload: Workload = WORKLOAD,
    cost: Callable[[Plan], Cost] | None = None,
    folds: Sequence[int] = range(5),
    values: dict[str, Any] | None = None,
    **settings: Any,
) -> Plan:
    """A plan for a fingerprint; measuring is an error unless a cost is given."""

    def unasked(plan: Plan) -> Cost:
        raise AssertionError("nothing is measured without a budget")

    found = found or fingerprint()
    return make(
        found,
        Settings(values=values or {}, **settings),
        problem=Segmentation(task_of(found)),
        folds=folds,
        machine=machine,
        workload=workload,
        cost=cost or unasked,
    )
