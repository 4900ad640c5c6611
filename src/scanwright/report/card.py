"""The model card: what a model does, what it learned from, how well, and what it is not for.

The dict goes into the package as card.json and is read by machines; the Markdown beside it is read by people. Both hold
the same facts. The order of topics follows Mitchell et al. 2019, "Model Cards for Model Reporting", FAT* 2019:220-229.
"""

import json
import re
from collections.abc import Mapping, Sequence
from importlib import metadata, resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from scanwright.dataset.classes import listed, quoted
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS
from scanwright.report import notation
from scanwright.report.results_content import SEGMENTATION, Estimate, Wording
from scanwright.types import JSON

SCHEMA_VERSION = 1
SOFTWARE = ("scanwright", "torch", "numpy")


def make_card(
    *,
    name: str,
    task: Mapping[str, JSON],
    plan: Mapping[str, JSON],
    fingerprint: Mapping[str, JSON],
    metrics: Mapping[str, JSON],
    steps: Sequence[int],
    limits: Sequence[str],
    waived: Sequence[Mapping[str, JSON]] = (),
    intended_use: str | None = None,
    licence: str | None = None,
    wording: Wording = SEGMENTATION,
    language: str = "en",
) -> dict[str, JSON]:
    """The card as plain data, canonical JSON of which is card.json.

    task, plan, fingerprint, metrics: the content of the run folder's files of these names. steps: that each fold took.
    limits: what the numbers do not say, a sentence each. waived: findings about the data that were let pass: code, number
        of cases, reason.
    licence: of the training data, as far as it is known. wording: what the kind of problem calls its parts.
    intended_use: a sentence; else one is made from the regions, classes or quantities.
    """
    words = _words(language)
    parts: list[dict[str, JSON]] = [
        *({"name": region["name"], "values": list(region["values"])} for region in task["regions"]),
        *({"name": name} for name in (*task["classes"], *task["quantities"])),
    ]
    purposes = words["intended_use"]
    named = listed((part["name"] for part in parts), choice=task["choice"])
    purpose = purposes.get(plan["problem"], purposes["other"]).format(parts=named)
    return {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "statement": words["statement"],
        "problem": plan["problem"],
        "inputs": [{"name": channel["name"], "modality": channel["modality"]} for channel in task["channels"]],
        "outputs": parts,
        "part": wording.part,
        "parts": wording.parts,
        "together": wording.together,
        "intended_use": intended_use or purpose,
        "out_of_scope": _out_of_scope(task, fingerprint, words),
        "limits": list(limits),
        **({"waived": list(waived)} if waived else {}),
        "trained_on": _trained_on(plan, fingerprint, steps, licence or words["licence_unknown"]),
        "network": {key: plan["network"][key] for key in ("family", "dims", "widths") if key in plan["network"]},
        "results": _results(metrics),
        "versions": {package: metadata.version(package) for package in SOFTWARE},
    }


def card_markdown(card: Mapping[str, JSON], *, language: str = "en") -> str:
    """The card as Markdown. Every text in it is escaped: a region named `<b>` or `a|b` stays a name."""
    environment = Environment(
        loader=PackageLoader("scanwright.report", "templates"),
        autoescape=False,  # noqa: S701  # `finalize` escapes every value, for Markdown and for HTML within it
        finalize=escape_markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = json.loads(_file(f"words.{language}.json"))
    tolerance, unit = card["results"].get("nsd_tolerance"), card["trained_on"]["unit"]
    environment.filters.update(
        estimate=lambda value, key: _estimate_text(value, key, words["card"]["defined"]), span=_span_text
    )
    environment.globals.update(
        label=lambda key: _label(key, words["metrics"]),
        quoted=quoted,
        stated=lambda key: notation.stated(notation.metric(key), tolerance, unit),
        modality=lambda key: words["card"]["modalities"].get(key, key),
        min_patients=MIN_PATIENTS,
    )
    return environment.get_template(f"card.{language}.md").render(card=card)


def escape_markdown(value: Any) -> str:
    """A value as text that Markdown and HTML show as it is, on one line; Markup, which only the template makes, stays.

    >>> escape_markdown("<b> a|b *c*")
    '&lt;b&gt; a\\\\|b \\\\*c\\\\*'
    """
    if isinstance(value, Markup):
        return value
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", text)


def _out_of_scope(task: Mapping[str, JSON], fingerprint: Mapping[str, JSON], words: Mapping[str, Any]) -> list[str]:
    texts = words["out_of_scope"]
    kinds = dict.fromkeys(channel["modality"] for channel in task["channels"])
    modalities = ", ".join(words["modalities"].get(kind, kind) for kind in kinds)
    if fingerprint["unit"] == "mm":
        grid = texts["spacing"].format(spacing=" × ".join(_span_text(spread) for spread in fingerprint["spacing"]))
    else:
        shapes = [_span_text(spread) for spread in fingerprint["shape"] if spread["max"] > 1]
        grid = texts["shape"].format(shape=" × ".join(shapes))
    return [texts["decisions"], texts["modality"].format(modalities=modalities), grid, texts["people"]]


def _trained_on(
    plan: Mapping[str, JSON], fingerprint: Mapping[str, JSON], steps: Sequence[int], licence: str
) -> dict[str, JSON]:
    kept = ("num_cases", "num_patients", "unit", "spacing", "shape", "orientations", "digest")
    return {
        **{key: fingerprint[key] for key in kept},
        "regions": [
            *({"name": region["name"], "present": region["present"]} for region in fingerprint["regions"]),
            *({"name": one["name"], "present": one["cases"]} for one in fingerprint.get("classes", ())),
            *({"name": one["name"], "present": one["known"]} for one in fingerprint.get("quantities", ())),
        ],
        "folds": list(plan["training"]["folds"]),
        "steps": list(steps),
        "seed": plan["training"]["seed"],
        "licence": licence,
    }


def _results(metrics: Mapping[str, JSON]) -> dict[str, JSON]:
    """The part of metrics.json that a card states: the primary metric first, overall and by region, test split apart."""
    part = {key: metrics[key] for key in ("primary", "cases", "patients", "nsd_tolerance") if key in metrics}
    part |= {"overall": metrics["overall"], "by_region": metrics["by_class"]}
    if metrics.get("test"):
        part["test"] = _results(metrics["test"])
    return part


def _estimate_text(value: Mapping[str, JSON], key: str, defined: str) -> str:
    """One entry of metrics.json: "0.886 (0.880–0.891)", and if it is not defined in some case in how many it is."""
    low, high = value["ci95"] or (None, None)
    estimate = Estimate(mean=value["mean"], low=low, high=high, n=value["n"], n_defined=value["n_defined"])
    digits = notation.digits_of(notation.metric(key), estimate)
    between = notation.interval(estimate, digits)
    text = notation.number(estimate.mean, digits) + (f" ({between})" if between else "")
    cases = defined.format(defined=estimate.n_defined, all=estimate.n)
    return f"{text}, {cases}" if estimate.n_defined < estimate.n else text


def _span_text(spread: Mapping[str, JSON]) -> str:
    """The range of a spread: "0.9–1.2", or one number if all are alike."""
    low, high = f"{spread['min']:.4g}", f"{spread['max']:.4g}"
    return low if low == high else f"{low}\N{EN DASH}{high}"


def _label(key: str, labels: Mapping[str, Sequence[str]]) -> str:
    metric = notation.metric(key)
    name = labels.get(metric.stem, (metric.stem.replace("_", " "),))[0]
    return f"{name} ({metric.unit})" if metric.unit else name


def _words(language: str) -> Mapping[str, Any]:
    words: Mapping[str, Any] = json.loads(_file(f"words.{language}.json"))["card"]
    return words


def _file(name: str) -> str:
    return (resources.files("scanwright.report") / "templates" / name).read_text(encoding="utf-8")
