"""Plan: every number, decided.

A `Plan` is frozen, saved beside what it made (plan.json) and carried inside the package. Later stages read the plan and
nothing else; none of its values is "auto". `why` holds a reason and a source for every decided value, keyed by its dotted
name, and the same dotted names are what `--set` takes.

Axis order: every triple is in network order (D, H, W). In 2-D, D is 1 voxel.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationError, model_validator

from scanwright.dataset.task import Frozen
from scanwright.errors import IntegrityError
from scanwright.files import canonical_json, sha256_bytes
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.counts import Counts, OddCounts, Positive
from scanwright.plan.detector_plan import DetectorPlan
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.normal_plan import NormalPlan
from scanwright.types import Shape3, Triple

Normalization = Literal["ct", "zscore", "zscore_nonzero", "percentile", "range", "none"]
Precision = Literal["float32", "bfloat16"]
ModelName = Literal["auto", "cnn", "cnn-rnn", "svm"]


Length = Annotated[float, Field(gt=0)]
Axis = Literal[0, 1, 2]


def _is_order(axes: Shape3) -> Shape3:
    if len(set(axes)) < 3:
        raise ValueError("an axis order names 0, 1 and 2 once each")
    return axes


def _begins_at_full_size(strides: tuple[Shape3, ...]) -> tuple[Shape3, ...]:
    if not strides or strides[0] != (1, 1, 1):
        raise ValueError("the first level has stride 1, 1, 1")
    return strides


class Why(Frozen):
    """Where a planned value comes from: the reason in a sentence, and the rule's source."""

    reason: str
    source: str


class ChannelNormalization(Frozen):
    """How one channel's intensities are brought to about zero mean and unit spread.

    low, high: clip limits (HU or stored units); mean, std: of the pooled foreground. Null where the scheme measures each
    case for itself.
    """

    scheme: Normalization
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None

    @model_validator(mode="after")
    def _has_its_numbers(self) -> Self:
        needed = {"ct": ("low", "high", "mean", "std"), "range": ("low", "high")}.get(self.scheme, ())
        missing = [name for name in needed if getattr(self, name) is None]
        if missing:
            raise ValueError(f"the scheme {self.scheme} needs {' and '.join(missing)}")
        return self


class PreprocessPlan(Frozen):
    """From a case's own grid to network input.

    axes: the canonical (R, A, S) axes in network order, e.g. (2, 1, 0) puts S first.
    spacing: voxel edges in network order, mm; null for images without a physical scale.
    long_side: for those, the length in pixels that the longer side is brought to.
    crop_to_nonzero: cut away a border that is exactly zero in every channel.
    """

    axes: Annotated[tuple[Axis, Axis, Axis], AfterValidator(_is_order)]
    spacing: tuple[Length, Length, Length] | None
    long_side: Positive | None
    crop_to_nonzero: bool
    normalization: tuple[ChannelNormalization, ...]
    image_order: Literal[1, 3]


class NetworkPlan(Frozen):
    """A U-Net, level by level from fine to coarse; strides[0] is (1, 1, 1), kernels are odd.

    fold: how many neighbours along each axis enter as channels. blocks: convolutions a level, each with norm and activation.
    """

    dims: Literal[2, 3]
    in_channels: int = Field(ge=1)
    out_channels: int = Field(ge=1)
    widths: tuple[Positive, ...]
    strides: Annotated[tuple[Counts, ...], AfterValidator(_begins_at_full_size)]
    kernels: tuple[OddCounts, ...]
    blocks: int = Field(ge=1, le=8)
    residual: bool
    fold: Counts
    deep_supervision: bool

    @property
    def title(self) -> str:
        """What such a network is called."""
        return "U-Net"

    @property
    def stride(self) -> Shape3:
        """Voxels of input per voxel of the coarsest level, each axis: what a patch must be divisible by."""
        total = list(self.fold)
        for level in self.strides:
            total = [have * more for have, more in zip(total, level, strict=True)]
        return (total[0], total[1], total[2])


class BatchPlan(Frozen):
    """What one step sees: `size` patches of `patch` voxels, a share of them centred on a foreground voxel."""

    size: int = Field(ge=1)
    patch: Counts
    foreground_share: float = Field(ge=0, le=1)


class AugmentPlan(Frozen):
    """Ranges that random changes are drawn from; 0 switches one off.

    warp_share: how many samples are turned, scaled and bent; the others keep their voxels as they are.
    rotate_deg: largest rotation about each network axis. scale: largest change of size, 0.15 is from 1/1.15 to 1.15.
    elastic_voxels: standard deviation of a smooth displacement. mirror: axes that may be flipped.
    gamma, contrast: largest logarithm of the exponent and of the factor. brightness: largest offset. noise: largest standard
    deviation added. blur_voxels: largest standard deviation. low_resolution: largest factor. Grey values are normalised.
    shift: largest move of a whole image within its patch, as a share of the patch; edges are repeated.
    mixup: of whole images, each is mixed with another one of its batch, and its target with that one's, by shares drawn from a
    beta distribution with both parameters this (Zhang et al. 2018, ICLR).
    """

    warp_share: float = Field(ge=0, le=1)
    rotate_deg: Triple
    scale: float = Field(ge=0, le=1)
    elastic_voxels: float = Field(ge=0)
    mirror: tuple[bool, bool, bool]
    gamma: float = Field(ge=0)
    contrast: float = Field(ge=0)
    brightness: float = Field(ge=0)
    noise: float = Field(ge=0)
    blur_voxels: float = Field(ge=0)
    low_resolution: float = Field(ge=1)
    shift: float = Field(default=0.0, ge=0, le=0.4)
    mixup: float = Field(default=0.0, ge=0)


class TrainingPlan(Frozen):
    """How the weights are found. A fold takes `steps` steps.

    budget_s: when this model is to be done, in seconds of the whole command, or null; reserve_s: the part of it kept for what
    comes after training. step_s: what a step took when the plan was made. smoothing: the share of a class's target that is
    spread evenly over all classes. class_weights: of background and each region in the loss, at the start; they fade to one.
    Empty: all alike. start: SHA-256 of the package or file that weights begin from; null: random. snapshots: how many times
    the weights are kept over the last part of the schedule, for ensembles of one training.
    """

    steps: int = Field(ge=1)
    budget_s: float | None
    reserve_s: float | None
    step_s: float | None
    optimizer: Literal["adamw", "muon", "sgd"]
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    warmup_share: float = Field(ge=0, lt=1)
    clip_norm: float = Field(gt=0)
    ema_decay: float = Field(ge=0, lt=1)
    loss: str
    smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: tuple[Length, ...]
    precision: Precision
    channels_last: bool
    threads: int = Field(ge=1)
    checkpoint_every: int = Field(ge=1)
    folds: tuple[int, ...]
    seed: int
    start: str | None = None
    snapshots: int = Field(default=0, ge=0, le=50)


class InferencePlan(Frozen):
    """How a whole image is answered: windows of the training patch, stepping by `step_share` of it, views averaged.

    decide: which of two classes is said, or whether a label is: what is more probable, or the second class (the label) from a
    threshold on that is chosen on out-of-fold answers, by Youden's index or for a sensitivity or specificity of `decide_at`.
    dropout_passes: how often a network with dropout is asked with values dropped at random, as in training, the answers being
    averaged (Gal and Ghahramani 2016, ICML); 0: once, with nothing dropped.
    calibrate: how probabilities are calibrated out of fold. coverage: how often a set of classes or an interval is to hold the
    truth; sets: by which score classes are in it, and by_class: whether it is to hold for each class by itself. risk: the error
    that those answers may have which the model does not decline, a share of wrong ones; None: it declines none.
    """

    step_share: float = Field(gt=0, le=1)
    mirror: tuple[bool, bool, bool]
    batch: int = Field(ge=1)
    decide: Literal["probable", "youden", "sensitivity", "specificity"] = "probable"
    decide_at: float | None = Field(default=None, gt=0, le=1)
    dropout_passes: int = Field(default=0, ge=0, le=1000)
    calibrate: Literal["auto", "none", "temperature", "vector", "isotonic", "platt"] = "auto"
    coverage: float = Field(default=0.9, ge=0.5, lt=1)
    sets: Literal["lac", "aps", "raps"] = "lac"
    by_class: bool = False
    risk: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="after")
    def _has_a_target(self) -> Self:
        if (self.decide_at is not None) is not (self.decide in ("sensitivity", "specificity")):
            raise ValueError("decide_at is the sensitivity or specificity to be kept, and given with these alone")
        return self


class TargetPlan(Frozen):
    """How known quantities become what a network learns: less `center`, over `scale`, each in the order of the task.

    Empty where the target is no quantity.
    """

    center: tuple[float, ...] = ()
    scale: tuple[Length, ...] = ()


def _kind_of_network(section: Any) -> str:
    """Which kind of network a section is meant to be, by a key that only this kind has."""
    has = section if isinstance(section, Mapping) else type(section).model_fields
    return next(kind for kind, key in TELLING.items() if key in has or not key)


UNET, ENCODER, DETECTOR, CLASSICAL, NORMAL = "unet", "encoder", "detector", "classical", "normal"
TELLING = {CLASSICAL: "features", NORMAL: "scales", DETECTOR: "levels", ENCODER: "family", UNET: ""}
"""The key by which each kind of network is known, asked for in this order; the last one is what has none of them."""
AnyNetwork = Annotated[
    Annotated[NetworkPlan, Tag(UNET)]
    | Annotated[EncoderPlan, Tag(ENCODER)]
    | Annotated[DetectorPlan, Tag(DETECTOR)]
    | Annotated[ClassicalPlan, Tag(CLASSICAL)]
    | Annotated[NormalPlan, Tag(NORMAL)],
    Discriminator(_kind_of_network),
]


class Plan(Frozen):
    """Every decided number of a run. See the module's docstring.

    network: of one answer for each voxel, of one for the whole image, or of boxes; or a classical model of features, or one of
    what is normal.
    """

    schema_version: Literal[1] = 1
    problem: str
    preprocess: PreprocessPlan
    network: AnyNetwork
    target: TargetPlan = TargetPlan()
    batch: BatchPlan
    augment: AugmentPlan
    training: TrainingPlan
    inference: InferencePlan
    why: dict[str, Why]

    def to_json(self) -> dict[str, Any]:
        """Plain data for plan.json."""
        return self.model_dump(mode="json")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical plan without its reasons: two plans with one digest compute the same."""
        return sha256_bytes(canonical_json(self.model_dump(mode="json", exclude={"why"})))

    @property
    def reads_outlines(self) -> bool:
        """Whether the model sees what is outlined in an image, and needs the outline."""
        return isinstance(self.network, ClassicalPlan) and self.network.radiomic is not None

    def rows(self) -> list[tuple[str, Any, Why]]:
        """Dotted name, value and reason of every decision, in the order of the sections."""
        values = flatten(self.model_dump(mode="json", exclude={"why", "schema_version", "problem"}))
        return [
            (part, value, why)
            for name, why in self.why.items()
            for part, value in values
            if part == name or part.startswith(f"{name}.")
        ]


def flatten(section: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested mapping to (dotted name, leaf) pairs; lists are leaves."""
    pairs: list[tuple[str, Any]] = []
    for key, value in section.items():
        name = f"{prefix}{key}"
        pairs += flatten(value, f"{name}.") if isinstance(value, Mapping) else [(name, value)]
    return pairs


def section_models(name: str) -> list[type[Frozen]]:
    """The kinds of section that a plan may have under a name: one, of the network several; none for single values."""
    if name == "network":
        return [NetworkPlan, EncoderPlan, DetectorPlan, ClassicalPlan, NormalPlan]
    model = Plan.model_fields[name].annotation
    return [model] if isinstance(model, type) and issubclass(model, Frozen) else []


def plan_from_json(data: Any, *, where: Any = "plan") -> Plan:
    """Plain data to a Plan. Raises IntegrityError naming the first value that is wrong."""
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"] if part not in TELLING)
        raise IntegrityError(
            "not a plan of this version",
            where=where,
            expected=first["msg"],
            found=f"{name} = {first.get('input')!r}"[:160],
        ) from error
