"""What a classical model goes by, in the report: how much worse each part of its answer is without each group of features."""

from collections.abc import Mapping

import numpy as np
import torch

from scanwright.api.run.answer import trained_network
from scanwright.api.run.case_features import features_read
from scanwright.api.run.fit import samples_of
from scanwright.api.run.folder import WEIGHTS, Run
from scanwright.api.run.learn import watched_cases
from scanwright.api.run.study import Study
from scanwright.features.fixed_groups import grouped
from scanwright.features.importance import group_importance
from scanwright.features.radiomic_groups import radiomic_groups
from scanwright.features.served import ClassicalNetwork
from scanwright.figures.plots import Box, box_plot
from scanwright.plan.classical_plan import ClassicalPlan
from scanwright.report.results_content import Figure

MOST_GROUPS, MOST_PARTS = 12, 6
Falls = dict[str, list[float]]
"""By group of features: how much the score falls without it, a number for each fold."""


def what_it_goes_by(run: Run, study: Study, keys: Mapping[str, str]) -> Figure | None:
    """How much a classical model's score falls without each group of features, in every fold: a panel for each of its models.

    None of a network, and of deep features, whose numbers have no names; and where the score is defined in no fold.
    """
    network = study.plan.network
    if not isinstance(network, ClassicalPlan) or network.encoder is not None:
        return None
    falls = falls_of(run, study, keys)
    names = study.problem.parts if len(falls) > 1 else ("",)
    told = [(name, found) for name, found in zip(names, falls, strict=True) if found]
    if not told:
        return None
    score = "R²" if study.plan.target.center else "AUROC"
    panels = [panel_of(found, title=name, x_label=f"fall of {score} on validation cases") for name, found in told]
    runs = any("°" in group for _, found in told for group in found)
    return Figure(
        panels=tuple(panels[:MOST_PARTS]),
        caption=caption_of(score, parts=len(panels), runs=runs, widths=not study.plan.reads_outlines),
    )


def falls_of(run: Run, study: Study, keys: Mapping[str, str]) -> list[Falls]:
    """Of each model that a fold has, one for each label or quantity or one for all classes, what each group is worth to it."""
    plan, falls = study.plan, list[Falls]()
    channels = [channel.name for channel in study.dataset.task.channels]
    for fold in plan.training.folds:
        network = trained_network(run.fold(fold) / WEIGHTS, plan, torch.device("cpu"))
        assert isinstance(network, ClassicalNetwork)
        names = watched_cases(study, fold)
        described = features_read(run, study, fold)
        columns = network.models[0].names
        rows = described.rows([keys[name] for name in names], columns)
        groups = (
            radiomic_groups(columns, channels)
            if plan.reads_outlines
            else grouped(columns, channels, axes=plan.preprocess.axes[::-1])
        )
        falls = falls or [{} for _ in network.models]
        for model, samples, found in zip(
            network.models, samples_of(rows, names, columns, study=study), falls, strict=True
        ):
            for name, fall in (group_importance(model, samples, groups, seed=plan.training.seed) or {}).items():
                found.setdefault(name, []).append(fall)
    return falls


def panel_of(falls: Falls, *, title: str, x_label: str) -> bytes:
    """The groups that are worth most on the mean, a row each."""
    ranked = sorted(falls, key=lambda name: -float(np.mean(falls[name])))[:MOST_GROUPS]
    boxes = [Box(name=name, values=falls[name], note=f"{np.mean(falls[name]):z.3f}") for name in ranked]
    return box_plot(boxes, x_label=x_label, title=title)


def caption_of(score: str, *, parts: int, runs: bool, widths: bool = True) -> str:
    """What the panels show. runs: whether groups are named by how edges run. widths: or by how wide things are."""
    what = {
        "R²": "R², 1 less the squared error over the variance of these cases",
        "AUROC": "the area under the ROC curve",
    }[score]
    said = [
        f"What the model goes by: how much its score ({what}, so without a unit) on validation cases falls where a group of "
        "features is dealt anew among them. A dot for each fold, the mean at the right."
    ]
    if parts > 1:
        some = f"; the first {MOST_PARTS} of {parts} are drawn" if parts > MOST_PARTS else ""
        said.append(f"Each part of the answer has a model of its own, and a panel{some}.")
    if widths:
        said.append("Widths are shares of the image’s side.")
    if runs:
        said.append("Edges run counter-clockwise from level: at 90° they are upright.")
    return " ".join(said)
