"""The sets of rules by which plans are made: for an answer in each voxel, and for one answer to a whole image, by a network of
the image, of its slices in order, or by a classical model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from scanwright.dataset.facts import Fingerprint
from scanwright.errors import UsageError
from scanwright.plan import classical, detectors, encoders, normals, sections, whole_images
from scanwright.plan.budget import Candidate
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.plan.detector_plan import DetectorPlan
from scanwright.plan.encoder_plan import EncoderPlan
from scanwright.plan.normal_plan import NormalPlan
from scanwright.plan.plan import AugmentPlan, BatchPlan, ModelName, NetworkPlan, PreprocessPlan
from scanwright.plan.rules import Choice, Decide, most_probable
from scanwright.protocols import Problem
from scanwright.types import Shape3


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruleset:
    """One function for each section of a plan that differs, and the candidates that a budget may be spent on.

    network: the section's model. ladders: candidates by device and dimension, from large to small
    (docs/design/0004-rules.md, 0007-diagnosis.md); without a budget the first that fits in memory is planned.
    weighted: what class weights are given for, in words; empty if nothing excludes another. decision: by what classes are told.
    takes_steps: whether it is trained
    step by step, so that a budget decides how many.
    """

    network: type[BaseModel]
    ladders: Mapping[tuple[str, int], tuple[Candidate, ...]]
    preprocess: Callable[..., PreprocessPlan]
    augment: Callable[..., AugmentPlan]
    patch: Callable[..., Shape3]
    batch: Callable[..., BatchPlan]
    build: Callable[..., Any]
    recipe: Callable[..., dict[str, Any]]
    weighted: Callable[[Fingerprint, int], tuple[str, ...]]
    decision: Callable[[Fingerprint], Choice[Decide]] = most_probable
    takes_steps: bool = True


PER_VOXEL = Ruleset(
    network=NetworkPlan,
    ladders={
        ("cpu", 3): (
            Candidate(24, 1, 2, 800),
            Candidate(16, 1, 2, 600),
            Candidate(16, 1, 1, 300),
            Candidate(16, 2, 1, 0),
        ),
        ("cpu", 2): (Candidate(32, 1, 4, 1500), Candidate(16, 1, 4, 300), Candidate(16, 2, 4, 0)),
        ("cuda", 3): (Candidate(32, 1, 2, 0),),
        ("cuda", 2): (Candidate(32, 1, 12, 0),),
    },
    preprocess=sections.plan_preprocess,
    augment=sections.plan_augment,
    patch=sections.plan_patch,
    batch=sections.plan_batch,
    build=sections.plan_network,
    recipe=sections.voxel_recipe,
    weighted=sections.weighted,
)

WHOLE_IMAGES = Ruleset(
    network=EncoderPlan,
    ladders={
        ("cpu", 3): (Candidate(32, 1, 4, 600), Candidate(16, 1, 4, 400), Candidate(16, 2, 8, 0)),
        ("cpu", 2): (Candidate(32, 1, 32, 200), Candidate(16, 1, 32, 150), Candidate(16, 2, 32, 0)),
        ("cuda", 3): (Candidate(48, 1, 8, 0),),
        ("cuda", 2): (Candidate(64, 1, 64, 0),),
    },
    preprocess=whole_images.plan_preprocess,
    augment=whole_images.plan_augment,
    patch=whole_images.plan_patch,
    batch=whole_images.plan_batch,
    build=encoders.plan_network,
    recipe=whole_images.recipe,
    weighted=whole_images.weighted,
    decision=whole_images.choose_decision,
)

SEQUENCES = replace(
    WHOLE_IMAGES,
    preprocess=whole_images.plan_sequence_preprocess,
    augment=whole_images.plan_sequence_augment,
    build=encoders.plan_sequence_network,
)

CLASSICAL = Ruleset(
    network=ClassicalPlan,
    ladders=dict.fromkeys(WHOLE_IMAGES.ladders, (Candidate(1, 1, 32, 0),)),
    preprocess=whole_images.plan_preprocess,
    augment=classical.plan_augment,
    patch=whole_images.plan_patch,
    batch=whole_images.plan_batch,
    build=classical.plan_model,
    recipe=classical.recipe,
    weighted=classical.weighted,
    decision=whole_images.choose_decision,
    takes_steps=False,
)

NORMALS = replace(
    CLASSICAL,
    network=NormalPlan,
    ladders=dict.fromkeys(WHOLE_IMAGES.ladders, (Candidate(1, 1, 1, 0),)),
    preprocess=normals.plan_preprocess,
    patch=normals.plan_patch,
    build=normals.plan_model,
    decision=most_probable,
)

BOXES = Ruleset(
    network=DetectorPlan,
    ladders={
        ("cpu", 3): (Candidate(16, 1, 2, 0),),
        ("cpu", 2): (Candidate(16, 1, 4, 0),),
        ("cuda", 3): (Candidate(32, 1, 4, 0),),
        ("cuda", 2): (Candidate(32, 1, 16, 0),),
    },
    preprocess=detectors.plan_preprocess,
    augment=detectors.plan_augment,
    patch=detectors.plan_patch,
    batch=detectors.plan_batch,
    build=detectors.plan_network,
    recipe=detectors.recipe,
    weighted=detectors.weighted,
)


def rules_for(problem: Problem, model: ModelName) -> Ruleset:
    """The rules for a kind of problem and what is to learn it. Raises UsageError if that cannot learn it."""
    if problem.learns_normal:
        if model != "auto":
            found = f"--model {model}"
            raise UsageError("what is normal is learned by one model", expected="no --model", found=found)
        return NORMALS
    if not problem.sees_whole:
        if model in OF_WHOLE_IMAGES:
            found = f"--model {model}"
            raise UsageError("a model of whole images finds no places in them", expected="--model cnn", found=found)
        return BOXES if problem.gives_boxes else PER_VOXEL
    return OF_WHOLE_IMAGES.get(model, WHOLE_IMAGES)


OF_WHOLE_IMAGES: Mapping[ModelName, Ruleset] = {"svm": CLASSICAL, "cnn-rnn": SEQUENCES}
"""Rules of models that know whole images alone."""
