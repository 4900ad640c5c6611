"""The sections of a plan for a model of what is normal, where they differ from those of one answer to a whole image."""

from scanwright.dataset.facts import Fingerprint
from scanwright.plan import rules, sections
from scanwright.plan.budget import Candidate
from scanwright.plan.ledger import Ledger
from scanwright.plan.normal_plan import NormalPlan, features_each
from scanwright.plan.plan import BatchPlan, PreprocessPlan
from scanwright.plan.rules import DEFAULT, Choice
from scanwright.plan.whole_images import whole_side, whole_spacing
from scanwright.runtime import Machine
from scanwright.types import Shape3, three

MEASURED_HERE = "measured, docs/design/0009-anomaly.md"
LONGEST = 64
"""Voxels along the longest axis."""
FINER = {2: 4, 3: 2}
"""How much finer images are prepared, by dimension: the model takes means, resampling would pick voxels out of speckle."""
PER_FEATURE = 10
"""Samples of each block per feature, from which on its covariance is known well enough."""
SCALES = (2.0, 4.0)


def plan_preprocess(ledger: Ledger, fingerprint: Fingerprint, machine: Machine) -> PreprocessPlan:
    """As for one answer to a whole image, but finer than the model looks, and by the grey values of whole images: what is
    outlined is abnormal, and teaches nothing.
    """
    channels = tuple(channel.model_copy(update={"foreground": None}) for channel in fingerprint.channels)
    fingerprint = fingerprint.model_copy(update={"channels": channels})
    most = (FINER[fingerprint.dimension] * LONGEST) ** fingerprint.dimension
    axes = ledger.decide("preprocess.axes", rules.choose_axes(fingerprint))
    return sections.preprocess_section(
        ledger,
        fingerprint,
        axes,
        spacing=whole_spacing(fingerprint, axes, most_voxels=most),
        long_side=whole_side(fingerprint, axes, most_voxels=most),
    )


def plan_patch(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan, machine: Machine) -> Shape3:
    """One voxel: images are brought to one size by the model, and not filled up."""
    patch: Shape3 = ledger.decide("batch.patch", Choice((1, 1, 1), "images are not filled up", "this package"))
    return patch


def plan_model(
    ledger: Ledger,
    candidate: Candidate,
    fingerprint: Fingerprint,
    preprocess: PreprocessPlan,
    batch: BatchPlan,
    *,
    outputs: int,
) -> NormalPlan:
    """Position-wise Gaussians of multi-scale features (PaDiM: Defard et al. 2021, ICPR), on filters that are not learned."""
    channels = len(fingerprint.channels)
    size: Shape3 = ledger.decide("network.size", choose_size(fingerprint, preprocess))
    scales = ledger.decide("network.scales", Choice(SCALES, "fine to coarse, in voxels", MEASURED_HERE))
    cell = ledger.decide("network.cell", Choice(2, "half as fine as the image", MEASURED_HERE))
    features = features_each(size) * len(scales) * channels
    return ledger.section(
        NormalPlan,
        "network",
        {
            "in_channels": Choice(channels, "the task's channels", "the task"),
            "out_channels": Choice(outputs, "what the task asks for", "the task"),
            "block": choose_block(fingerprint.num_cases, features, axes=sum(length > 1 for length in size)),
            "shrink": Choice(0.1, "steadies what few cases tell", MEASURED_HERE),
            "false_alarms": Choice(
                0.05, "of normal images; the threshold is calibrated for it on these alone", DEFAULT
            ),
        },
        size=size,
        scales=scales,
        cell=cell,
    )


def choose_size(fingerprint: Fingerprint, preprocess: PreprocessPlan) -> Choice[Shape3]:
    """The median prepared image, at most LONGEST voxels along its longest axis; an axis of one slice stays one."""
    if preprocess.spacing is None:
        lengths = [fingerprint.shape[axis].median for axis in preprocess.axes]
    else:
        extents = [fingerprint.extent[axis].median for axis in preprocess.axes]
        lengths = [length / edge for length, edge in zip(extents, preprocess.spacing, strict=True)]
    if fingerprint.dimension == 2:
        lengths[0] = 1
    factor = min(1.0, LONGEST / max(lengths))
    size = three([1 if length <= 1 else max(2, round(length * factor)) for length in lengths])
    return Choice(size, f"the median image, at most {LONGEST} voxels along an axis", MEASURED_HERE)


def choose_block(cases: int, features: int, *, axes: int) -> Choice[int]:
    """The fewest cells, along each axis, in which enough samples of each feature lie."""
    block = 1
    while cases * block**axes < PER_FEATURE * features and block < LONGEST:
        block *= 2
    return Choice(block, f"{cases} cases, and {PER_FEATURE} samples for each of {features} features", MEASURED_HERE)
