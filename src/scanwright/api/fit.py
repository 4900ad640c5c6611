"""A classical model in place of training: the features of a fold's training cases, and the model that inner folds choose."""

import json
from collections.abc import Mapping

import numpy as np
from safetensors.torch import save

from scanwright.api.run import WEIGHTS, Run
from scanwright.api.study import Study
from scanwright.dataset.store import Store
from scanwright.features.fixed import fixed_settings
from scanwright.features.nested import fit_chosen
from scanwright.features.recipe import Recipe, candidates
from scanwright.features.samples import Samples
from scanwright.features.served import features_of, names_of, weights_of
from scanwright.files import write_bytes
from scanwright.inference.predict import pad_to_patch
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.protocols import Listener, Progress
from scanwright.types import Floats, Shape3


def fit_fold(run: Run, study: Study, keys: Mapping[str, str], fold: int, *, tell: Listener) -> None:
    """Make the features of a fold's training cases, choose a model on inner folds of them, and write it as weights."""
    plan, store, names = study.plan, Store(run.store), study.splits.folds[fold].train
    assert isinstance(plan.network, ClassicalPlan)
    rows = []
    columns: tuple[str, ...] = ()
    for done, name in enumerate(names):
        columns, row = kept_features(store, keys[name], plan.batch.patch)
        rows.append(row)
        run.beat()
        tell(Progress(f"features of fold {fold}", done=done + 1, total=len(names)))
    targets = [study.problem.encode(study.case(name).target) for name in names]
    numeric = bool(plan.target.center)
    known = np.stack([target for target in targets if target is not None])
    samples = Samples(
        features=np.array(rows),
        target=known[:, 0] * plan.target.scale[0] + plan.target.center[0] if numeric else known.argmax(1),
        patients=tuple(study.case(name).patient for name in names),
        names=columns,
        num_classes=0 if numeric else known.shape[1],
    )
    tell(Progress(f"fit fold {fold}", note=f"fold {fold}: choosing {plan.network.title} on inner folds"))
    seed = plan.training.seed + fold
    recipes = [
        one
        for family in plan.network.families
        for one in candidates(Recipe(target="number" if numeric else "classes", family=family, seed=seed))
    ]
    choice, model = fit_chosen(samples, recipes, seed=seed)
    best = max((score for score in choice.scores if score is not None), default=None)
    chosen = {"event": "fitted", "recipe": choice.recipe.model_dump(mode="json"), "inner_score": best}
    write_bytes(run.fold(fold) / "log.jsonl", (json.dumps(chosen) + "\n").encode())
    write_bytes(run.fold(fold) / WEIGHTS, save(weights_of(model)))
    tell(Progress(f"fit fold {fold}", note=f"fold {fold}: {choice.recipe.family} {choice.recipe.parameters}"))


def kept_features(store: Store, key: str, patch: Shape3) -> tuple[tuple[str, ...], Floats]:
    """Names and values (F,) of the features of a prepared case; made once for all folds, and kept beside it."""
    own = store.key({"features": fixed_settings(), "of": key, "patch": list(patch)})
    if not store.has(own):
        image = pad_to_patch(np.asarray(store.open(key).arrays["image"]), patch)[0]
        names = names_of(image)
        store.put(own, {"features": features_of([image], names)[0]}, {"names": list(names)})
    entry = store.open(own)
    return tuple(entry.info["names"]), np.array(entry.arrays["features"])
