"""A classical model in place of training: the features of a fold's training cases, and the models that inner folds choose."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
from safetensors.torch import save

from scanwright.api.run.case_features import features_read
from scanwright.api.run.folder import WEIGHTS, Run
from scanwright.api.run.study import Study
from scanwright.features.classical import ClassicalModel
from scanwright.features.nested import Choice, fit_chosen
from scanwright.features.recipe import Recipe, candidates
from scanwright.features.samples import Samples
from scanwright.features.served import weights_of
from scanwright.files import write_bytes
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.protocols import Listener, Progress
from scanwright.types import Floats


def fit_fold(run: Run, study: Study, keys: Mapping[str, str], fold: int, *, tell: Listener) -> None:
    """Make the features of a fold's training cases, and choose a model on inner folds of them for each part of the answer."""
    plan, names = study.plan, study.splits.folds[fold].train
    assert isinstance(plan.network, ClassicalPlan)
    described = features_read(run, study, fold)
    columns, rows = described.of_cases(
        [keys[name] for name in names], workers=plan.training.threads, beat=run.beat, tell=tell
    )
    samples = samples_of(rows, names, columns, study=study)
    tell(Progress(f"fit fold {fold}", note=f"fold {fold}: choosing {plan.network.title} on inner folds"))
    models, chosen = [], []
    for number, one in enumerate(samples):
        choice, model = choose_and_fit(one, plan.network, seed=plan.training.seed + fold)
        best = max((score for score in choice.scores if score is not None), default=None)
        chosen.append({"event": "fitted", "recipe": choice.recipe.model_dump(mode="json"), "inner_score": best})
        models.append(model)
        told = f"fold {fold}: {choice.recipe.family} {choice.recipe.parameters}"
        tell(Progress(f"fit fold {fold}", done=number + 1, total=len(samples), note=told))
        run.beat()
    write_bytes(run.fold(fold) / "log.jsonl", "".join(json.dumps(line) + "\n" for line in chosen).encode())
    write_bytes(run.fold(fold) / WEIGHTS, save(weights_of(models, described.encoder)))


def samples_of(features_NF: Floats, names: Sequence[str], columns: tuple[str, ...], *, study: Study) -> list[Samples]:
    """What each model learns from: one of classes or grades, one for each of several labels, one for each quantity.

    names: of the cases. A case whose label or quantity is not known has no part in that model. Inner folds keep
    near-duplicates together as outer ones do.
    """
    encoded = [study.problem.encode(study.case(name).target) for name in names]
    targets_NT = np.stack([row for row in encoded if row is not None]).astype(np.float64)
    owners = [study.owners[name] for name in names]
    target, task = study.plan.target, study.dataset.task
    if target.center:
        numbers = targets_NT * np.array(target.scale) + np.array(target.center)
        return [_known(features_NF, column, owners, columns) for column in numbers.T]
    if task.choice == "several":
        return [_known(features_NF, column, owners, columns, num_classes=2) for column in targets_NT.T]
    codes = np.where(np.isfinite(targets_NT).all(axis=1), targets_NT.argmax(axis=1), np.nan)
    return [_known(features_NF, codes, owners, columns, num_classes=targets_NT.shape[1])]


def _known(
    features_NF: Floats, target_N: Floats, owners: Sequence[str], columns: tuple[str, ...], *, num_classes: int = 0
) -> Samples:
    places = np.flatnonzero(np.isfinite(target_N))
    own = tuple(owners[place] for place in places.tolist())
    return Samples(features_NF[places], target_N[places], own, columns, num_classes)


def choose_and_fit(samples: Samples, planned: ClassicalPlan, *, seed: int) -> tuple[Choice, ClassicalModel]:
    """The model that inner folds choose among those of the planned families."""
    recipes = [
        one
        for family in planned.families
        for one in candidates(Recipe(target="classes" if samples.num_classes else "number", family=family, seed=seed))
    ]
    return fit_chosen(samples, recipes, seed=seed)
