"""The methods of a paper about a run, made of what the run itself has written down: paragraphs with citations.

Every number is read from the run's files (`told.py`), and a method is cited only where it was used: what is on in the plan, and
what metrics.json has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scanwright.report.citations import cited, entry_text
from scanwright.report.enough_section import label_of
from scanwright.report.html import words_of
from scanwright.report.methods_trust import postprocessing, trust
from scanwright.report.methods_words import (
    AUGMENTED,
    CLASSICAL,
    FAMILIES,
    JOINED,
    LOSSES,
    MEASURED,
    NORMALIZED,
    OPTIMIZED,
)
from scanwright.report.told import Records, Said, say

Plan = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph under a heading."""

    title: str
    said: tuple[Said, ...]

    @property
    def text(self) -> str:
        """Its sentences."""
        return " ".join(one.text for one in self.said)


def methods(records: Records) -> tuple[Paragraph, ...]:
    """The paragraphs, those without a sentence left out. records: "plan", "metrics" and "task" at least."""
    plan: Plan = records["plan"]
    parts = {
        "Data": data(records),
        "Partitions": partitions(records),
        "Preprocessing": preprocessing(plan),
        "Model": model(plan),
        "Training": training(plan),
        "Augmentation": augmentation(plan),
        "Selection": selection(records),
        "Inference": inference(plan, records),
        "Post-processing": postprocessing(records),
        "Trust in answers": trust(records),
        "Evaluation": evaluation(records),
        "Size of the study": size(records),
        "Software and hardware": software(records),
    }
    made = {title: [one for template in of if (one := say(records, template))] for title, of in parts.items()}
    return tuple(Paragraph(title, tuple(said)) for title, said in made.items() if said)


def methods_markdown(paragraphs: tuple[Paragraph, ...]) -> str:
    """methods.md: the paragraphs, with citations as Pandoc reads them, and what they stand for."""
    lines = ["# Methods", "", NOTE, ""]
    for one in paragraphs:
        lines += [f"## {one.title}", "", one.text, ""]
    lines += ["## References", ""]
    lines += [f"- `@{key}` {entry_text(key)}" for key in cited(one.text for one in paragraphs)]
    return "\n".join(lines) + "\n"


NOTE = (
    "<!-- Made from the run beside which this file lies; every number stands in its plan.json, metrics.json or another of its "
    "files. What a run cannot know (who the patients are, how images were taken, who drew the labels, ethics) is for the "
    "authors to add. -->"
)


def data(records: Records) -> Iterator[str]:
    """What was learned from."""
    yield "The data set held {checks:facts|count} cases ({checks:stated})."
    yield "{report:patients}"
    yield "Findings of the checks that were let pass: {report:waived}."
    yield "Images had the channels {task:channels|names}."
    yield "Models learned from {fingerprint:num_cases} labelled cases of {fingerprint:num_patients} patients."
    yield "The regions {task:regions|names} were outlined." if records["task"].get("regions") else ""
    yield "The classes were {task:classes|list}."
    yield "The quantities {task:quantities|list} were estimated."
    yield "{datasheet:composition.population}"
    yield "{datasheet:collection.how}"
    yield "{datasheet:labelling.who}"
    yield "Number of cases left out by name: {checks:excluded|count}."


def partitions(records: Records) -> Iterator[str]:
    """Folds and test split."""
    folds = records["plan"]["training"]["folds"]
    if len(folds) == len(records.get("splits", {}).get("folds", ())) > 1:
        yield "Models were trained and judged in {splits:folds|count}-fold cross-validation ({splits:source}; {splits:stated})."
    else:
        yield (
            "Of a split into {splits:folds|count} folds ({splits:source}; {splits:stated}), fold {plan:training.folds|list}, "
            "counted from 0, was trained and judged."
        )
    yield "A test split of {splits:test|count} cases took no part in training or in any choice, and was read once, at the end."


def preprocessing(plan: Plan) -> Iterator[str]:
    """From an image to what the model reads."""
    section = plan["preprocess"]
    if "size" in plan["network"]:
        yield "Images were brought to {plan:network.size|by} voxels."
    elif section["spacing"]:
        yield "Images were resampled to a spacing of {plan:preprocess.spacing|by} mm [@isensee2021]."
    else:
        yield "Images were scaled so that the longer side has {plan:preprocess.long_side} pixels."
    if section["crop_to_nonzero"]:
        yield "Borders that are zero in every channel were cut away [@isensee2021]."
    for place, channel in enumerate(section["normalization"]):
        which = f"of channel {{task:channels.{place}.name}} " if len(section["normalization"]) > 1 else ""
        yield NORMALIZED[channel["scheme"]].format(which=which, at=f"plan:preprocess.normalization.{place}")


def model(plan: Plan) -> Iterator[str]:
    """What learned."""
    network = plan["network"]
    if "features" in network:
        yield CLASSICAL[network["features"]]
        yield FAMILIES[network["family"]]
        yield (
            "Hyper-parameters were chosen on inner folds of the training cases alone, so that no judged case had a part in "
            "them [@varma2006]."
        )
    elif "scales" in network:
        yield (
            "What normal images look like was modelled place by place, by the mean and covariance of "
            "filter responses of widths {plan:network.scales|list} voxels on cells of {plan:network.cell} voxels, after "
            "Defard et al. [@defard2021] with fixed filters in place of a trained network; covariances were shrunk by "
            "{plan:network.shrink}. The score of an image is its distance from that, with a limit that "
            "{plan:network.false_alarms} "
            "of normal images pass."
        )
    elif "levels" in network:
        yield FAMILIES[network["family"]].replace("was trained", "was the backbone of the detector")
        yield (
            "A feature pyramid of {plan:network.neck} channels [@lin2017fpn] fed a detector without anchors [@tian2019]; boxes "
            "were assigned to cells by task alignment [@feng2021]."
        )
        yield from sizes_of(network)
    elif "family" in network:
        yield FAMILIES[network["family"]]
        yield from sizes_of(network)
        yield JOINED[network["join"]]
        yield "The head had a dropout of {plan:network.dropout} [@srivastava2014]." if network["dropout"] else ""
    else:
        yield (
            "A {plan:network.dims}-dimensional U-Net "
            + ("[@ronneberger2015]" if network["dims"] == 2 else "[@cicek2016]")
            + " was trained, with {plan:network.widths|count} levels of {plan:network.widths|list} channels and "
            "{plan:network.blocks} convolutions a level, each with group normalisation [@wu2018]"
            + (" and residual connections [@he2016]." if network["residual"] else ".")
        )
        if max(network["fold"]) > 1:
            yield "Neighbours of {plan:network.fold|by} voxels enter it as channels [@shi2016]."
        if network["deep_supervision"]:
            yield "Coarser levels were supervised as well [@lee2015; @isensee2021]."


def sizes_of(network: Mapping[str, Any]) -> Iterator[str]:
    """How large an encoder is."""
    yield (
        "It had {plan:network.dims} dimensions and {plan:network.widths|count} stages of {plan:network.widths|list} channels "
        "and {plan:network.blocks|list} blocks."
    )
    if network["family"] in ("resnet", "densenet", "efficientnet"):
        yield "Group normalisation was used throughout [@wu2018]."


def takes_steps(plan: Plan) -> bool:
    """Whether the model was trained in steps, and not fitted."""
    return not {"features", "scales"} & set(plan["network"])


def training(plan: Plan) -> Iterator[str]:
    """How weights were found."""
    if not takes_steps(plan):
        return
    section = plan["training"]
    yield LOSSES.get(section["loss"], "The loss was {plan:training.loss}.")
    yield "Targets were smoothed by {plan:training.smoothing} [@szegedy2016]." if section["smoothing"] else ""
    yield (
        "Classes were weighted in the loss by {plan:training.class_weights|list} at first, fading to equal weights."
        if section["class_weights"]
        else ""
    )
    yield OPTIMIZED[section["optimizer"]]
    yield (
        "The learning rate rose to {plan:training.learning_rate} over the first {plan:training.warmup_share} of training and "
        "then fell as half a cosine [@loshchilov2017]; weight decay was "
        "{plan:training.weight_decay} and the gradient’s norm was "
        "clipped to {plan:training.clip_norm}."
    )
    yield (
        "Each fold was planned for {plan:training.steps} steps of {plan:batch.size} samples of {plan:batch.patch|by} voxels"
        + (", within a budget of {plan:training.budget_s} s." if section["budget_s"] else ".")
    )
    if plan["batch"]["foreground_share"]:
        yield "Of these, a share of {plan:batch.foreground_share} was centred on foreground [@isensee2021]."
    if section["ema_decay"]:
        yield (
            "Weights were averaged exponentially with a decay of {plan:training.ema_decay} "
            "[@polyak1992]; the average was kept."
        )
    yield "Arithmetic was in {plan:training.precision}; the seed was {plan:training.seed}."
    if section["start"]:
        yield "Weights began from those of an earlier model (SHA-256 {plan:training.start})."
    else:
        yield "Weights began at random."


def augmentation(plan: Plan) -> Iterator[str]:
    """Random changes that are on."""
    if not takes_steps(plan):
        return
    section = plan["augment"]
    on = [
        text
        for name, text in AUGMENTED.items()
        if (
            any(section[name])
            if isinstance(section[name], (list, tuple))
            else section[name] > (name == "low_resolution")
        )
    ]
    bends = any(section["rotate_deg"]) or section["scale"] or section["elastic_voxels"]
    if on:
        yield f"Training images were changed at random: {'; '.join(on)}."
    if bends:
        yield "Of the samples, a share of {plan:augment.warp_share} was turned, scaled or bent."
    if section["mixup"]:
        yield "Pairs of images were mixed with shares of a beta distribution of {plan:augment.mixup} [@zhang2018]."


def selection(records: Records) -> Iterator[str]:
    """Which model was kept, and by what."""
    if takes_steps(records["plan"]):
        yield "No fold was stopped early or chosen by its validation cases: the weights at the end of training were kept."
    if "trials" in records:
        yield (
            "The models {trials:tried|list} were trained on the same folds, and {trials:chosen} was kept for its "
            "{metrics:primary} out of fold; differences were tested by patient and corrected for their number [@holm1979]."
        )
        yield (
            "Where each fold takes the model that is best in the other folds, {metrics:primary} was "
            "{metrics:chosen_without.mean|.3f}."
        )


def inference(plan: Plan, records: Records) -> Iterator[str]:
    """How images were answered."""
    network = plan["network"]
    if takes_steps(plan) and "family" not in network:
        yield (
            "Images were answered in windows of the training patch, stepping by "
            "{plan:inference.step_share} of it [@isensee2021]."
        )
    if any(plan["inference"]["mirror"]) and takes_steps(plan):
        yield "Answers to mirrored views (axes {plan:inference.mirror|axes}) were averaged."
    if records.get("splits", {}).get("test") and len(plan["training"]["folds"]) > 1:
        yield "The test split was answered by the {plan:training.folds|count} folds together, in the mean of their answers."


def evaluation(records: Records) -> Iterator[str]:
    """Measures and statistics, of those that metrics.json has."""
    overall, primary = records["metrics"]["overall"], records["metrics"]["primary"]
    name = label_of(primary, words_of("en")["metrics"])
    told = f"{{metrics:overall.{primary}.mean|.3f}}"
    if overall[primary]["ci95"]:
        told += " ({run:constants.confidence_percent} % interval " + _ends(primary) + ")"
    yield f"The primary measure was {name}: {told} on {{metrics:cases}} held-out cases of {{metrics:patients}} patients."
    if "test" in records["metrics"]:
        yield f"On the test split it was {{metrics:test.overall.{primary}.mean|.3f}}."
    for measure, text in MEASURED.items():
        if measure in overall and overall[measure]["mean"] is not None:
            yield text
    yield "Intervals hold with {run:constants.confidence_percent} % confidence, and the patient is their unit throughout."


def _ends(primary: str) -> str:
    return f"{{metrics:overall.{primary}.ci95.0|.3f}} to {{metrics:overall.{primary}.ci95.1|.3f}}"


def size(records: Records) -> Iterator[str]:
    """Whether there were enough cases."""
    if "size" in records:
        yield (
            "The interval of the primary measure ({size:judged}, {size:headline.seen.patients} patients) reached "
            "{size:headline.half_width|.3f} to either side; by "
            + SIZED.get(value_basis(records), SIZED["interval"])
            + ", {size:headline.widths.0.patients} patients would make it {size:headline.widths.0.wanted}."
        )
    if records.get("curve", {}).get("law"):
        yield (
            "The model was trained again on nested shares of the training patients, and an inverse power law was fitted to the "
            "error [@mukherjee2003; @figueroa2012]: {curve:law.floor|.3f} + {curve:law.drop|.3f} · share^−{curve:law.rate|.2f}."
        )


SIZED = {
    "auroc": "the variance of Hanley and McNeil [@hanley1982]",
    "mean": "the standard deviation of the patients’ means",
    "interval": "the square root of the number of patients",
}


def value_basis(records: Records) -> str:
    """By what the headline's sample size was computed; "" where none was."""
    headline = records["size"].get("headline")
    return str(headline["seen"]["basis"]) if headline else ""


def software(records: Records) -> Iterator[str]:
    """Versions and the machine."""
    yield (
        "Everything was done with Scanwright {run:versions.scanwright} on Python {run:versions.python}, with PyTorch "
        "{run:versions.torch} [@paszke2019], NumPy {run:versions.numpy} [@harris2020] and SciPy {run:versions.scipy} "
        "[@virtanen2020]."
    )
    if records["plan"]["network"].get("features"):
        yield "Classical models were fitted by scikit-learn {run:versions.scikit-learn} [@pedregosa2011]."
    yield "The machine was {run:machine.device_name} with {run:machine.threads} cores ({run:machine.platform})."
    yield "The data have the SHA-256 {run:data}."
