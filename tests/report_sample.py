"""A report's content such as a run would give, made from the hippocampus data or from ellipsoids. To look at it:

python tests/report_sample.py OUT.html [../shared/data/hippocampus_mri | --pixels]
"""

# ruff: noqa: E501  # sentences as a run would write them

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy import ndimage

from scanwright.evaluation.intervals.statistics import bootstrap_mean
from scanwright.evaluation.label_maps import evaluate
from scanwright.evaluation.label_maps.evaluate import evaluate_case, region_means
from scanwright.figures.overlay import overlay_slices
from scanwright.geometry.grid import Grid
from scanwright.problem.label_maps.told import failures
from scanwright.report.content import (
    DatasetPart,
    Event,
    Finding,
    FoldTraining,
    Headline,
    PlanRow,
    Provenance,
    ReportContent,
    SplitPart,
    SplitRow,
    StageCost,
    TrainingPart,
)
from scanwright.report.page import build
from scanwright.report.results_content import CasePicture, CaseRow, Estimate, Fact, GroupRow, RegionRow, ResultSet

MEASURES = ("dice", "iou", "sensitivity", "precision", "hd95_{u}", "asd_{u}", "nsd", "{s}_error_{a}", "{s}_bias_{a}")
REGIONS = {"anterior": (1,), "posterior": (2,)}
PLAN = (
    (
        "preprocessing",
        "spacing",
        "1 × 1 × 1 mm",
        "Median of the training cases; no axis is three times coarser than the others.",
        "nnU-Net, Isensee et al. 2021, Nat Methods 18:203",
    ),
    (
        "preprocessing",
        "normalisation",
        "z-score of each case",
        "MR intensities have no common unit: the scale differs between cases by a factor of 870.",
        "nnU-Net, Isensee et al. 2021",
    ),
    (
        "network",
        "depth",
        "4 levels",
        "The shortest side of the patch, 32 voxels, can be halved three times and keeps 4.",
        "measured on two data sets",
    ),
    (
        "network",
        "width",
        "16, 32, 64, 128 channels",
        "The widest that trains at least 1,000 steps within the budget on this machine.",
        "measured: a step takes 0.51 s",
    ),
    ("batch", "patch", "40 × 56 × 40 voxels", "Holds the whole image of 90 % of the cases.", "fingerprint.json"),
    ("batch", "size", "2", "Larger batches gave no better Dice at equal time.", "measured, three seeds"),
    (
        "training",
        "steps",
        "1,225 (ended at 1,128)",
        "What fits into 600 s less preprocessing, validation and packing.",
        "measured: a step takes 0.51 s",
    ),
    ("training", "peak learning rate", "0.003", "Set on the command line.", "--set training.learning_rate=0.003"),
    ("training", "schedule", "warm-up 5 %, then cosine to 0", "Ends at zero whatever the number of steps.", ""),
    (
        "inference",
        "mirroring",
        "off",
        "Left and right are told apart by the label; mirroring cost 0.004 Dice.",
        "measured, three seeds",
    ),
)


def ellipsoids(rng: np.random.Generator, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A noisy image and its labels: two ellipsoids side by side along the second axis."""
    axes = np.meshgrid(*(np.linspace(-1, 1, size) if size > 1 else np.zeros(1) for size in shape), indexing="ij")
    shift = rng.uniform(-0.15, 0.15, 3)
    radius = sum(((axis - move) / reach) ** 2 for axis, move, reach in zip(axes, shift, (0.4, 0.6, 0.5), strict=True))
    labels = np.where(radius < 1, np.where(axes[1] > shift[1], 1, 2), 0).astype(np.uint8)
    image = ndimage.gaussian_filter(labels * 40.0 + rng.normal(100, 25, shape), (0.8, 0.8, 0.8 if shape[2] > 1 else 0))
    return image.astype(np.float32), labels


def misjudge(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A prediction: the labels, smoothly bent."""
    sigma = [3.0 if size > 1 else 0.0 for size in labels.shape]
    strength = rng.gamma(4.0, 0.3)
    bends = [ndimage.gaussian_filter(rng.normal(size=labels.shape), sigma) for _ in range(3)]
    bends = [strength * bend / (bend.std() or 1.0) * (size > 1) for bend, size in zip(bends, labels.shape, strict=True)]
    where = np.indices(labels.shape) + np.stack(bends)
    return ndimage.map_coordinates(labels, where, order=0, mode="nearest")


def read_hippocampus(folder: Path, count: int) -> list[tuple[str, np.ndarray, np.ndarray, Grid]]:
    import nibabel

    cases = []
    for path in sorted((folder / "imagesTr").glob("*.nii.gz"))[:count]:
        image, label = nibabel.load(path), nibabel.load(folder / "labelsTr" / path.name)
        voxels = np.asarray(image.dataobj, dtype=np.float32)
        labels = np.asarray(label.dataobj).astype(np.uint8)
        cases.append((path.name.removesuffix(".nii.gz"), voxels, labels, Grid(labels.shape, image.affine)))
    return cases


def make_cases(count: int, *, pixels: bool = False) -> list[tuple[str, np.ndarray, np.ndarray, Grid]]:
    rng = np.random.default_rng(5)
    shape = (60, 48, 1) if pixels else (24, 32, 20)
    grid = Grid.of_pixels(60, 48) if pixels else Grid.from_spacing(shape, (1.0, 1.0, 1.5))
    return [(f"case_{number:03d}", *ellipsoids(rng, shape), grid) for number in range(count)]


def sample(cases: list[tuple[str, np.ndarray, np.ndarray, Grid]]) -> ReportContent:
    """A whole report: every part is there, some values are not defined, names hold what HTML and matplotlib dislike."""
    rng = np.random.default_rng(3)
    unit = cases[0][3].unit
    size, amount = ("volume", "ml") if unit == "mm" else ("area", "px")
    names = [name.format(u=unit, s=size, a=amount) for name in MEASURES]
    predictions = {case: misjudge(labels, rng) for case, _, labels, _ in cases}
    missed = predictions[cases[1][0]]
    missed[missed == 2] = 0
    rows, scored = [], []
    for number, (case, _, labels, grid) in enumerate(cases):
        found = evaluate_case(labels, predictions[case], regions=REGIONS, spacing=grid.spacing, unit=unit)
        scores = {region: {name: found[region][name] for name in names} for region in REGIONS}
        voxel = grid.voxel_volume / 1000 if unit == "mm" else 1.0
        sizes = {
            region: (float(np.isin(labels, v).sum() * voxel), float(np.isin(predictions[case], v).sum() * voxel))
            for region, v in REGIONS.items()
        }
        mean = float(np.mean([scores[region]["dice"] or 0.0 for region in REGIONS]))
        patient = f"P{number // 2:03d}"
        scored.append(evaluate.CaseRow(case=case, patient=patient, fold=0, metrics=scores))
        flags = scored[-1].flags
        rows.append(CaseRow(case=case, regions=scores, mean=mean, patient=patient, fold="0", flags=flags, sizes=sizes))
    summary = evaluate.summarise(scored, problem="segmentation", primary="dice", regions=list(REGIONS), samples=200)
    means = region_means(scored, regions=list(REGIONS), measures=names)
    overall = {name: estimate(means[:, column].tolist()) for column, name in enumerate(names)}
    regions = tuple(
        RegionRow(
            region=region, metrics={name: estimate([row.regions[region][name] for row in rows]) for name in names}
        )
        for region in REGIONS
    )
    ranked = sorted((row for row in rows if not row.flags), key=lambda row: row.mean or 0.0)
    chosen = (("best", ranked[-1]), ("median", ranked[len(ranked) // 2]), ("worst", ranked[0]))
    pictures = []
    for role, row in chosen:
        case, image, labels, grid = next(one for one in cases if one[0] == row.case)
        png = overlay_slices(
            image[None], truth_IJK=labels, prediction_IJK=predictions[case], grid=grid, regions=REGIONS
        )
        facts = [Fact(name=f"Dice {region}", value=f"{row.regions[region]['dice'] or 0:.3f}") for region in REGIONS]
        pictures.append(CasePicture(role=role, case=case, png=png, facts=tuple(facts)))
    patients = len({row.patient for row in rows})
    groups = tuple(
        GroupRow(
            group="scanner",
            value=value,
            num_cases=len(rows[start::2]),
            metrics={"dice": estimate([row.mean for row in rows[start::2]])},
        )
        for start, value in ((0, "Achieva 3 T"), (1, "(not stated)"))
    )
    result = ResultSet(
        name="Validation, fold 0",
        note="Each case was predicted by a model that had not seen it, nor any other case of its patient.",
        overall=overall,
        regions=regions,
        groups=groups,
        cases=tuple(rows),
        failures=failures(summary["flags"], len(rows)),
        comparisons=(
            Fact(
                name="nnU-Net 3d_fullres",
                value="Dice 0.8975 / 0.8807 (anterior / posterior), five folds, about 1000 epochs on a GPU. Isensee et al. 2019",
            ),
        ),
    )
    return ReportContent(
        title="Hippocampus in MRI" if unit == "mm" else "Lungs in radiographs",
        created=datetime(2026, 3, 14, 9, 26, tzinfo=UTC),
        headline=Headline(
            metric="dice",
            estimate=overall["dice"],
            num_cases=len(rows),
            num_patients=patients,
            scope="Fold 0 of 5 only: cases held out of training",
        ),
        summary=(
            f"The model outlines {' and '.join(REGIONS)} hippocampus in T1-weighted MRI with a mean Dice of {overall['dice'].mean:.3f} on {len(rows)} cases that it had not seen.",
            "It was trained for ten minutes on two CPU cores. Half of all cases lie between the quartiles shown in Figure 1; the worst is shown in full below.",
        ),
        region_names=tuple(REGIONS),
        unit=unit,
        tolerance=1.5,
        results=(result,),
        pictures=tuple(pictures),
        limits=(
            "Only one of five folds was trained, so the interval covers the choice of cases, not the chance of training.",
            "All images are crops around one hippocampus; whole heads were never seen.",
            "Patients are not named in the data set; left and right of one person may be on both sides of the split.",
        ),
        dataset=dataset_part(len(rows), patients),
        split=SplitPart(
            source="Read from splits_5fold.json; no patient is in two parts of a fold.",
            rows=tuple(
                SplitRow(
                    name=f"Fold {fold}",
                    num_train=208,
                    num_validation=52,
                    num_train_patients=170,
                    num_validation_patients=43,
                    trained=fold == 0,
                )
                for fold in range(5)
            ),
        ),
        plan=tuple(
            PlanRow(group=g, name=n, value=v, reason=r, source=s, chosen_by_user=s.startswith("--"))
            for g, n, v, r, s in PLAN
        ),
        training=training_part(rng),
        provenance=provenance(),
    )


def estimate(values: list[float | None]) -> Estimate:
    known = [float(value) for value in values if value is not None and np.isfinite(value)]
    low, high = bootstrap_mean(known, list(range(len(known))), seed=1, samples=400) or (None, None)
    return Estimate(mean=float(np.mean(known)), low=low, high=high, n=len(values), n_defined=len(known))


def dataset_part(cases: int, patients: int) -> DatasetPart:
    facts = {
        "Cases": f"260 with a label, 208 for training, {cases} for validation",
        "Patients": f"{patients} in validation; taken from the case names",
        "Channels": "MRI (T1-weighted)",
        "Regions": "anterior (label 1), posterior (label 2)",
        "Image size": "median 35 × 50 × 36 voxels, from 31 × 40 × 24 to 43 × 59 × 47",
        "Spacing": "1 × 1 × 1 mm in all cases",
        "Foreground": "3.8 % to 7.5 % of voxels",
    }
    return DatasetPart(
        stated="Medical Segmentation Decathlon layout: dataset.json with imagesTr and labelsTr; one image for each label.",
        facts=tuple(Fact(name=name, value=value) for name, value in facts.items()),
        excluded=(
            Fact(name="hippocampus_118", value="label of another shape than its image (excluded with --exclude)"),
            Fact(name="hippocampus_281", value="image without a label"),
        ),
        findings=(
            Finding(
                severity="warning",
                code="duplicate-image",
                case="hippocampus_204",
                file="hippocampus_204.nii.gz",
                expected="images that differ",
                found="the same voxels as hippocampus_205",
                action="Remove one of the two, or give both to one patient.",
            ),
            *(
                Finding(
                    severity="note",
                    code="scale",
                    case=f"hippocampus_{number:03d}",
                    expected="intensities on a common scale",
                    found=f"maximum {number * 977}",
                    action="Nothing: every case is normalised by itself.",
                )
                for number in range(3, 17)
            ),
        ),
    )


def training_part(rng: np.random.Generator, folds: int = 1, steps: int = 1128) -> TrainingPart:
    step = np.arange(1, steps + 1)
    courses = []
    for fold in range(folds):
        loss = 0.12 + 0.95 * np.exp(-step / 160) + rng.normal(0, 0.03, steps)
        rate = 3e-3 * np.minimum(step / 56, 0.5 + 0.5 * np.cos(np.pi * step / steps))
        check = step[46::47]
        score = 0.88 - 0.8 * np.exp(-check / 140) + rng.normal(0, 0.006, len(check))
        courses.append(
            FoldTraining(
                fold=f"Fold {fold}",
                loss=tuple(zip(step.tolist(), loss.tolist(), strict=True)),
                score=tuple(zip(check.tolist(), score.tolist(), strict=True)),
                learning_rate=tuple(zip(step.tolist(), rate.tolist(), strict=True)),
                num_steps=steps,
                seconds=561.3,
                best_score=float(score.max()),
            )
        )
    events = (
        Event(
            fold="Fold 0",
            step=705,
            text="The machine slowed to 0.71 s a step; the rest of the schedule was cut from 520 to 423 steps.",
        ),
    )
    return TrainingPart(
        folds=tuple(courses), events=events, note="Weights are averaged over the last steps (EMA 0.998)."
    )


def provenance() -> Provenance:
    facts = {
        "Versions": "Scanwright 0.1.0, torch 2.13.0, numpy 2.4.1, Python 3.11.9",
        "Machine": "Intel Xeon Platinum 8481C, 2 threads, 7.6 GiB free memory",
        "Seed": "0",
        "Data": "sha256 5be1c3a97e0f24d18c6b3f4e90aa7d31e2c4b5a6978877665544332211ffeedd",
        "Package": "model.swm, sha256 0c4d8e11f7a9b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b",
    }
    stages = (
        ("Checks", 4.1, 310),
        ("Preprocessing", 9.6, 420),
        ("Training", 561.3, 2310),
        ("Prediction", 14.8, 1460),
        ("Evaluation", 6.2, 390),
    )
    return Provenance(
        command="scanwright train hippocampus_mri -o run --fold 0 --split splits_5fold.json --budget 10m --set training.learning_rate=0.003",
        facts=tuple(Fact(name=name, value=value) for name, value in facts.items()),
        stages=tuple(StageCost(stage=name, seconds=seconds, peak_bytes=mib << 20) for name, seconds, mib in stages),
    )


if __name__ == "__main__":
    source = sys.argv[2] if len(sys.argv) > 2 else ""
    shown = (
        read_hippocampus(Path(source), 52) if source and source != "--pixels" else make_cases(20, pixels=bool(source))
    )
    Path(sys.argv[1]).write_text(build(sample(shown)), encoding="utf-8")
