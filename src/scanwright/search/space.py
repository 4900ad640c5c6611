"""The space that tuning searches for a plan: which parameters there are for its kind of network, and their ranges.

Ranges lie around what is planned and hold it, so that the default plan is a point of the space. What is set by hand is not
tuned, nor is what hangs on it. Choices that do not fit in memory are left out one by one; a trial in which several large ones
come together may still not fit, and is then refused when it is planned.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

from scanwright.dataset.facts import Fingerprint
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.detector_plan import DetectorPlan
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.normal_plan import NormalPlan
from scanwright.plan.plan import Plan
from scanwright.plan.ruleset import Ruleset
from scanwright.protocols import Problem
from scanwright.search import changes
from scanwright.search.parameter import Condition, Parameter, Value

LOSSES: dict[str, tuple[str, ...]] = {
    "dice_ce": ("dice_ce", "ce", "dice_top_k", "focal_tversky", "generalised_dice"),
    "dice_bce": ("dice_bce", "bce", "dice_top_k", "focal_tversky"),
}
"""Of the many losses of label maps those that are tried, by the one that is planned; of other kinds all are."""
UNWEIGHTED = ("tversky", "focal_tversky", "generalised_dice")
"""Losses in which class weights count for nothing."""
LEAST_RARITY = 1.5
"""How many times the commonest class outnumbers the rarest, at least, for weights to be worth a parameter."""


def space_of(
    plan: Plan,
    *,
    fingerprint: Fingerprint,
    problem: Problem,
    rules: Ruleset,
    fixed: Collection[str] = (),
    fits: Callable[[Parameter, Value], bool] = lambda parameter, value: True,
) -> tuple[Parameter, ...]:
    """The parameters for a plan, those on which others hang first.

    fixed: plan values that are set by hand. fits: whether the plan with one value of one parameter can be had here.
    """
    held = set(fixed)
    found = [one for one in _all(plan, fingerprint, problem, rules) if not held & keys_of(one, plan)]
    names = {one.name for one in found}
    kept = [one for one in found if one.when is None or one.when.name in names or _always(one, plan)]
    return tuple(small for one in kept if len((small := _fitting(one, fits)).choices) != 1)


def keys_of(parameter: Parameter, plan: Plan) -> set[str]:
    """The plan values that a parameter decides, whatever its value."""
    others = parameter.choices or (parameter.low, parameter.high)
    keys = {key for value in others if value != parameter.planned for key in parameter.change(value, plan)}
    return keys | (
        {"network.widths", "network.strides", "network.kernels", "network.blocks"} if parameter.reshapes else set()
    )


def _always(parameter: Parameter, plan: Plan) -> bool:
    """Whether the condition holds in the plan itself, whose value is then the only one."""
    assert parameter.when is not None
    return parameter.when.name == "training.loss" and plan.training.loss in parameter.when.among


def _fitting(parameter: Parameter, fits: Callable[[Parameter, Value], bool]) -> Parameter:
    """The same with those choices alone that fit; what is planned always does."""
    if not parameter.choices:
        return parameter
    kept = tuple(one for one in parameter.choices if one == parameter.planned or fits(parameter, one))
    if len(kept) == len(parameter.choices):
        return parameter
    return changes.replaced(parameter, choices=kept, why=f"{parameter.why}; what does not fit in memory is left out")


def _all(plan: Plan, fingerprint: Fingerprint, problem: Problem, rules: Ruleset) -> Iterator[Parameter]:
    network = plan.network
    if isinstance(network, NormalPlan):
        yield from _of_normals(network)
    elif isinstance(network, ClassicalPlan):
        yield from _of_features(network, plan)
    else:
        yield from _of_images(plan, fingerprint)
        yield from _of_network(plan)
        yield from _of_training(plan, problem, weighted=_rarity(fingerprint, problem, rules))
        yield from _of_changes(plan, fingerprint)


def _of_images(plan: Plan, fingerprint: Fingerprint) -> Iterator[Parameter]:
    """How much of an image a step sees, and how fine."""
    if isinstance(plan.network, EncoderPlan | DetectorPlan):
        if not (isinstance(plan.network, EncoderPlan) and plan.network.family == "vit"):
            yield Parameter(
                name="image.size",
                title="image size, × planned",
                planned=1.0,
                choices=(0.75, 1.0, 1.25, 1.5),
                why="finer shows smaller things and takes longer; the network's strides follow the size",
                change=changes.image_size,
                reshapes=True,
            )
        return
    sizes = changes.patch_sizes(plan, fingerprint)
    if len(sizes) > 1:
        yield Parameter(
            name="patch.size",
            title="edge of the patch, × planned",
            planned=1.0,
            choices=sizes,
            why="a larger patch shows more around a place, and fewer of them fit into the same time",
            change=changes.patch_size,
            reshapes=True,
        )


def _of_network(plan: Plan) -> Iterator[Parameter]:
    """How large the network is, and what steadies it."""
    if not (isinstance(plan.network, EncoderPlan) and plan.network.family == "vit"):
        yield Parameter(
            name="network.size",
            title="network width, × planned",
            planned=1.0,
            choices=changes.network_sizes(plan),
            why="half to one and a half times as many features on every level, 16 at least at the finest; what is larger takes "
            "fewer steps in the same time",
            change=changes.network_size,
        )
    if isinstance(plan.network, EncoderPlan | DetectorPlan) and set(plan.network.blocks) == {1}:
        yield Parameter(
            name="network.depth",
            title="blocks a stage",
            planned=1,
            choices=(1, 2),
            why="one block a stage is planned, two is the next deeper",
            change=changes.network_depth,
        )
    if isinstance(plan.network, EncoderPlan):
        yield Parameter(
            name="network.dropout",
            title="dropout before the head",
            planned=plan.network.dropout,
            low=0.0,
            high=max(0.5, plan.network.dropout),
            why="none to half of the features",
            change=changes.itself("network.dropout"),
        )


def _of_training(plan: Plan, problem: Problem, *, weighted: tuple[float, ...]) -> Iterator[Parameter]:
    """The optimiser's numbers, the batch, and the loss."""
    how = plan.training
    yield Parameter(
        name="training.learning_rate",
        title="learning rate",
        planned=how.learning_rate,
        low=how.learning_rate / 10,
        high=how.learning_rate * 4,
        log=True,
        why="a tenth of the planned peak, below which little is learned in as many steps, to four times it",
        change=changes.itself("training.learning_rate"),
    )
    decay = how.weight_decay or 0.01
    yield Parameter(
        name="training.weight_decay",
        title="weight decay",
        planned=how.weight_decay or decay / 30,
        low=decay / 30,
        high=decay * 30,
        log=True,
        why="a thirtieth to thirty times the planned",
        change=changes.itself("training.weight_decay"),
    )
    sizes = sorted({max(1, plan.batch.size // 2), plan.batch.size, plan.batch.size * 2})
    yield Parameter(
        name="batch.size",
        title="batch size",
        planned=plan.batch.size,
        choices=tuple(sizes),
        why="half and twice the planned; a larger batch takes fewer steps in the same time",
        change=changes.itself("batch.size"),
    )
    losses = tuple(one for one in LOSSES.get(how.loss, tuple(problem.losses)) if one in problem.losses)
    losses = losses if how.loss in losses else (how.loss, *losses)
    if len(losses) > 1:
        yield Parameter(
            name="training.loss",
            title="loss",
            planned=how.loss,
            choices=losses,
            why="those of this kind of problem that measure different things",
            change=changes.itself("training.loss"),
        )
    if weighted:
        heard = tuple(one for one in losses if one not in UNWEIGHTED)
        yield Parameter(
            name="loss.rarity",
            title="weight of rare classes, a power",
            planned=0.5 if how.class_weights else 0.0,
            choices=(0.0, 0.5, 1.0),
            why="one over each class's share to this power: 0 is all alike; only where the loss weighs classes",
            change=changes.class_weights(weighted),
            when=Condition(name="training.loss", among=heard) if len(losses) > len(heard) else None,
        )
    if isinstance(plan.network, EncoderPlan) and "ce" in losses:
        yield Parameter(
            name="training.smoothing",
            title="smoothing of classes",
            planned=how.smoothing,
            low=0.0,
            high=max(0.2, how.smoothing),
            why="none to a fifth; with cross-entropy alone, since a focal loss is soft already",
            change=changes.itself("training.smoothing"),
            when=Condition(name="training.loss", among=("ce",)) if len(losses) > 1 else None,
        )


def _of_changes(plan: Plan, fingerprint: Fingerprint) -> Iterator[Parameter]:
    """How much images are changed at random."""
    yield Parameter(
        name="augment.strength",
        title="random changes, × planned",
        planned=1.0,
        low=0.0,
        high=2.0,
        why="none to twice the planned range of every random change; mirrored axes stay",
        change=changes.augment_strength,
    )
    if isinstance(plan.network, EncoderPlan) and fingerprint.classes and plan.network.join == "mean":
        yield Parameter(
            name="augment.mixup",
            title="mixing of images",
            planned=plan.augment.mixup,
            low=0.0,
            high=0.6,
            why="off to twice what is planned for few cases",
            change=changes.itself("augment.mixup"),
        )


def _of_normals(network: NormalPlan) -> Iterator[Parameter]:
    """What a model of what is normal looks at, and how stiff it is."""
    yield Parameter(
        name="network.cell",
        title="voxels of a cell",
        planned=network.cell,
        choices=tuple(sorted({1, 2, 4, network.cell})),
        why="half and twice the planned",
        change=changes.itself("network.cell"),
    )
    yield Parameter(
        name="filter.width",
        title="width of filters, × planned",
        planned=1.0,
        choices=(0.5, 0.75, 1.0, 1.5, 2.0),
        why="half to twice the planned",
        change=changes.filter_widths,
    )
    yield Parameter(
        name="network.shrink",
        title="shrinking of the covariance",
        planned=network.shrink,
        low=min(0.01, network.shrink),
        high=max(0.7, network.shrink),
        log=True,
        why="a hundredth, which many cases bear, to most of it",
        change=changes.itself("network.shrink"),
    )


def _of_features(network: ClassicalPlan, plan: Plan) -> Iterator[Parameter]:
    """Which classical model, on images of which size; its own numbers are chosen on inner folds as it is."""
    families: tuple[str, ...] = ("svm", "linear", "forest", "boosting")
    yield Parameter(
        name="network.family",
        title="family of the model",
        planned=network.family,
        choices=families if network.family in families else (network.family, *families),
        why="each has its own numbers chosen on inner folds of its training cases",
        change=changes.itself("network.family"),
    )
    if network.radiomic is None and network.encoder is None:
        yield Parameter(
            name="image.size",
            title="image size, × planned",
            planned=1.0,
            choices=(0.5, 0.75, 1.0, 1.5),
            why="finer shows smaller things, coarser is steadier",
            change=changes.image_size,
        )


def _rarity(fingerprint: Fingerprint, problem: Problem, rules: Ruleset) -> tuple[float, ...]:
    """The share of each class that the loss may weigh; () where it weighs none, or they are about equally frequent."""
    names = rules.weighted(fingerprint, problem.outputs)
    known = {one.name: float(one.cases) for one in fingerprint.classes}
    known |= {one.name: one.share.median for one in fingerprint.regions if one.share} | _of_background(fingerprint)
    shares = [known.get(name, 0.0) for name in names]
    if not shares or min(shares) <= 0 or not _uneven(shares):
        return ()
    return tuple(shares)


def _of_background(fingerprint: Fingerprint) -> dict[str, float]:
    return {} if fingerprint.classes else {"background": fingerprint.background_share}


def _uneven(shares: Sequence[float]) -> bool:
    return max(shares) >= LEAST_RARITY * min(shares)
