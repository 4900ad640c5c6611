"""The sections of a plan for a classical model on features of whole images, where they differ from those of an encoder."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from scanwright.dataset.facts import Fingerprint
from scanwright.errors import UsageError
from scanwright.plan import radiomics
from scanwright.plan.budget import Candidate
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.ledger import Ledger
from scanwright.plan.plan import AugmentPlan, BatchPlan, Plan, PreprocessPlan
from scanwright.plan.rules import DEFAULT, Choice
from scanwright.protocols import Problem

LEAST_KNOWN = 20
"""Cases of which a quantity is known: of fewer a fold may have none to learn from."""
UNUSED = "a model of features takes no steps"


IN_STEPS = frozenset(
    {
        *(f"augment.{name}" for name in AugmentPlan.model_fields),
        *("batch.size", "batch.foreground_share", "inference.step_share", "inference.mirror", "inference.batch"),
        *("training.steps", "training.step_s", "training.reserve_s", "training.checkpoint_every"),
        *("training.optimizer", "training.learning_rate", "training.weight_decay", "training.warmup_share"),
        *("training.clip_norm", "training.ema_decay", "training.loss", "training.smoothing", "training.class_weights"),
    }
)
"""What a plan decides about steps and windows, of which a model of features has none."""
OF_NETWORKS = frozenset({"training.precision", "training.channels_last", "training.start"})
"""What it decides about how a network computes, and what that begins from."""


def idle(plan: Plan) -> frozenset[str]:
    """The names of decisions that mean nothing to the planned model; none but for classical ones."""
    if not isinstance(plan.network, ClassicalPlan):
        return frozenset()
    return IN_STEPS if plan.network.encoder is not None else IN_STEPS | OF_NETWORKS


def plan_augment(ledger: Ledger, fingerprint: Fingerprint, preprocess: PreprocessPlan) -> AugmentPlan:
    """None: the features of each image are made once."""
    off: Choice[Any] = Choice(0.0, "off: features are made once", "this package")
    numbers = (
        "warp_share",
        "scale",
        "elastic_voxels",
        "gamma",
        "contrast",
        "brightness",
        "noise",
        "blur_voxels",
        "shift",
        "mixup",
    )
    return ledger.section(
        AugmentPlan,
        "augment",
        {
            **dict.fromkeys(numbers, off),
            "rotate_deg": Choice((0.0, 0.0, 0.0), off.reason, off.source),
            "mirror": Choice((False, False, False), off.reason, off.source),
            "low_resolution": Choice(1.0, off.reason, off.source),
        },
    )


def learns(fingerprint: Fingerprint, outputs: int) -> bool:
    """Whether classical models learn this target: classes, labels, grades or quantities, told as this package tells them."""
    if fingerprint.quantities:
        enough = all(one.known >= LEAST_KNOWN for one in fingerprint.quantities)
        return enough and outputs == len(fingerprint.quantities)
    return bool(fingerprint.classes) and outputs == len(fingerprint.classes) - (fingerprint.choice == "ordered")


def _why_not(fingerprint: Fingerprint, outputs: int) -> str:
    """Of which quantities too few are known; else that the target is told in another way than by its parts."""
    few = [f"{one.name} of {one.known}" for one in fingerprint.quantities if one.known < LEAST_KNOWN]
    if few:
        return f"{', '.join(few)} that are learned from"
    return f"{outputs} outputs for {len(fingerprint.quantities or fingerprint.classes)} parts"


def plan_model(
    ledger: Ledger,
    candidate: Candidate,
    fingerprint: Fingerprint,
    preprocess: PreprocessPlan,
    batch: BatchPlan,
    *,
    outputs: int,
) -> ClassicalPlan:
    """Support vector machines on the fixed transform, or on deep features where weights come from a network.

    Raises UsageError for targets that they do not learn.
    """
    return model_on({}, ledger, fingerprint, outputs=outputs)


def plan_radiomic_model(
    ledger: Ledger,
    candidate: Candidate,
    fingerprint: Fingerprint,
    preprocess: PreprocessPlan,
    batch: BatchPlan,
    *,
    outputs: int,
) -> ClassicalPlan:
    """The same on radiomic features of what is outlined. Raises UsageError as above, and where MIRP is absent."""
    return model_on(radiomics.features(fingerprint, preprocess), ledger, fingerprint, outputs=outputs)


def model_on(
    features: Mapping[str, Choice[Any]], ledger: Ledger, fingerprint: Fingerprint, *, outputs: int
) -> ClassicalPlan:
    """Support vector machines. features: choices that differ from those of the fixed transform."""
    if not learns(fingerprint, outputs):
        raise UsageError(
            "a classical model does not learn this target",
            where="--model",
            expected=f"classes, labels, grades, or quantities that are each known of {LEAST_KNOWN} training cases",
            found=_why_not(fingerprint, outputs),
            hint="Add cases, or choose --model cnn.",
        )
    return ledger.section(
        ClassicalPlan,
        "network",
        {
            "features": Choice("fixed", "outlines and textures of the whole image, untrained", "Dalal and Triggs 2005"),
            "encoder": Choice(None, "no network makes these features", DEFAULT),
            "radiomic": Choice(None, "nothing has to be outlined", DEFAULT),
            **features,
            "family": Choice("svm", "the better of two kernels, by inner folds", "Cortes and Vapnik 1995"),
            "in_channels": Choice(len(fingerprint.channels), "the task's channels", "the task"),
            "out_channels": Choice(outputs, "what the task asks for", "the task"),
        },
    )


def begun_values(of_network: Mapping[str, Any], fingerprint: Fingerprint, *, outputs: int) -> dict[str, Any]:
    """Plan values of a classical model on what a network makes of images, whose own values these are.

    Its head is not asked, and has the size that the task would want. Raises UsageError if they are of no such network.
    """
    encoder = {"in_channels": len(fingerprint.channels), "out_channels": outputs, **of_network}
    try:
        EncoderPlan.model_validate(encoder)
    except ValidationError as error:
        raise UsageError(
            "no network whose features a classical model could read",
            where="--from",
            expected="a package of a network that answers whole images",
            found="weights alone" if not of_network else "a network that answers voxels",
            hint="Begin from such a package, or leave out --from: features are then those of an untrained transform.",
        ) from error
    return {"network.features": "deep", "network.encoder": encoder}


def recipe(fingerprint: Fingerprint, problem: Problem, steps: int) -> dict[str, Choice[Any]]:
    """Nothing is trained step by step; the numbers stand where a network would have its own."""
    return {
        "optimizer": Choice("adamw", UNUSED, DEFAULT),
        "learning_rate": Choice(1e-3, UNUSED, DEFAULT),
        "weight_decay": Choice(0.0, UNUSED, DEFAULT),
        "warmup_share": Choice(0.0, UNUSED, DEFAULT),
        "clip_norm": Choice(1.0, UNUSED, DEFAULT),
        "ema_decay": Choice(0.0, UNUSED, DEFAULT),
        "loss": Choice(problem.losses[0], UNUSED, DEFAULT),
        "smoothing": Choice(0.0, UNUSED, DEFAULT),
        "class_weights": Choice((), UNUSED, DEFAULT),
    }


def weighted(fingerprint: Fingerprint, outputs: int) -> tuple[str, ...]:
    """Nothing: no loss weighs classes."""
    return ()
