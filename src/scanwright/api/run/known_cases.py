"""Training cases as a model sees them: kept in the package, drawn in the report, and held against every new case."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from scanwright.api.run.answer import trained_network
from scanwright.api.run.case_features import features_read
from scanwright.api.run.folder import WEIGHTS, Run
from scanwright.api.run.learn import watched_cases
from scanwright.api.run.study import Study
from scanwright.dataset.cases import Case, Classes, Quantities, Target
from scanwright.dataset.store import Store
from scanwright.dataset.task import Task
from scanwright.explanation.known import MOST_CASES, Known
from scanwright.explanation.neighbours import embed_tsne
from scanwright.features.deep import deep_features
from scanwright.features.served import ClassicalNetwork
from scanwright.figures.embedding import embedding_plot
from scanwright.figures.palette import structure_colour
from scanwright.inference.predict import pad_to_patch
from scanwright.protocols import Listener, Progress
from scanwright.report.results_content import Figure
from scanwright.types import Floats

MOST_DRAWN = 600
SHOWN = 5
BATCH = 16


@dataclass(frozen=True, slots=True)
class Sight:
    """A fold's training cases as its model sees them. names: of the known cases, which a package does not hold."""

    fold: int
    names: tuple[str, ...]
    known: Known


def sight_of(
    run: Run, study: Study, keys: Mapping[str, str], *, fold: int, device: torch.device, tell: Listener
) -> Sight | None:
    """How a fold's model sees its training cases; None where answers are not of whole images."""
    if not study.problem.sees_whole:
        return None
    tell(Progress("explain", note=f"training cases of fold {fold} as its model sees them"))
    names = study.splits.folds[fold].train
    names = names[:: max(1, -(-len(names) // MOST_CASES))]
    held_out = [name for name in watched_cases(study, fold) if name in keys]
    features = features_in(run, study, [keys[name] for name in (*names, *held_out)], fold, device=device)
    known = Known.of(
        features[: len(names)],
        [target_text(study.case(name), study.dataset.task) for name in names],
        owners=[study.owners[name] for name in names],
        held_out_MF=features[len(names) :],
    )
    return Sight(fold, tuple(names), known)


def features_in(run: Run, study: Study, keys: Sequence[str], fold: int, *, device: torch.device) -> Floats:
    """(N, F) what a fold's model makes of prepared cases."""
    store, patch = Store(run.store), study.plan.batch.patch
    network = trained_network(run.fold(fold) / WEIGHTS, study.plan, device)
    if isinstance(network, ClassicalNetwork):  # they were made when it was fitted
        described = features_read(run, study, fold)
        first = network.models[0]
        return first.preparation.apply(described.rows(keys, first.names))

    def batches() -> Iterator[torch.Tensor]:
        images = (pad_to_patch(np.asarray(store.open(key).arrays["image"]), patch)[0] for key in keys)
        for _, alike in itertools.groupby(images, key=lambda image: image.shape):
            while batch := list(itertools.islice(alike, BATCH)):
                run.beat()
                yield torch.from_numpy(np.stack(batch))

    return deep_features(network, batches(), device=device.type)


def target_text(case: Case, task: Task) -> str:
    """What is known of a case, in words."""
    if isinstance(case.target, Classes):
        unknown = ", ".join(case.target.unknown)
        return (", ".join(case.target.names) or "nothing") + (f" (not known: {unknown})" if unknown else "")
    if isinstance(case.target, Quantities):
        known = zip(task.quantities, case.target.numbers, strict=True)
        return ", ".join(f"{name} {value:.4g}" for name, value in known if value is not None)
    return ""


def embedding(sight: Sight, study: Study) -> Figure:
    """The training cases of a fold on a plane, coloured by class, or from light to dark by the first quantity."""
    names, known = sight.names, sight.known
    chosen = range(0, len(names), max(1, -(-len(names) // MOST_DRAWN)))
    features = known.features[list(chosen)].astype(np.float32)
    targets = [study.case(names[place]).target for place in chosen]
    panel = embedding_plot(
        embed_tsne(features, seed=study.plan.training.seed),
        colours=[colour_of(target, study) for target in targets],
        titles=[f"{names[place]}: {known.targets[place]}" for place in chosen],
        label="training cases as the model sees them",
    )
    some = f" {len(chosen)} of {len(names)} are drawn." if len(chosen) < len(names) else ""
    by = "by class" if study.dataset.task.classes else "darker the larger the first quantity"
    if study.dataset.task.choice == "several" and study.dataset.task.classes:
        by = "by label (of several the rarest; white: none)"
    return Figure(
        panels=(panel,),
        legend=study.problem.parts if study.dataset.task.classes else (),
        caption=f"The training cases of fold {sight.fold} as its model sees them, {by}: dots that lie near each other look "
        f"alike to it; distances between far ones mean nothing (t-SNE).{some}",
    )


def colour_of(target: Target | None, study: Study) -> str:
    """A case's colour: that of its class, of several labels the rarest, or a grey by its first quantity's place among the
    training cases; white where it has none.
    """
    if isinstance(target, Classes) and target.names:
        cases = {one.name: one.cases for one in study.fingerprint.classes}
        rarest = min(target.names, key=lambda name: cases[name])
        return structure_colour(study.problem.parts.index(rarest))
    value = target.numbers[0] if isinstance(target, Quantities) else None
    if value is None:
        return "#ffffff"
    spread = study.fingerprint.quantities[0].spread
    share = (value - spread.min) / ((spread.max - spread.min) or 1.0)
    level = round(230 - 190 * min(1.0, max(0.0, share)))
    return f"#{level:02x}{level:02x}{level:02x}"
