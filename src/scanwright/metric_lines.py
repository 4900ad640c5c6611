"""The numbers of metrics.json as lines for people."""

from typing import Any

from scanwright.evaluation.boxes.detection_columns import class_measure

OF_FINDINGS = ("lesion_sensitivity", "false_lesions_per_case")


def metric_lines(metrics: dict[str, Any]) -> list[str]:
    """The primary metric, overall and of each class, with its interval, and how well findings were found; of a test split as
    well where there are both.
    """
    primary = metrics["primary"]
    if "test" not in metrics:
        return block_lines(metrics, primary)
    blocks = {"cross-validation": metrics, "test split": metrics["test"]}
    lines = []
    for name, block in blocks.items():
        lines += [f"{name}, {block['cases']} cases of {block['patients']} patients", *block_lines(block, primary)]
    return lines


def evaluated_lines(metrics: dict[str, Any]) -> list[str]:
    """Of an evaluation: how many cases, which ones are no test, the lines of these cases, and what the package's own test
    said.
    """
    primary = metrics["primary"]
    lines = [f"{metrics['cases']} cases of {metrics['patients']} patients"]
    if learned := metrics.get("learned_from"):
        lines.append(f"{len(learned)} more are left out: the model has learned from them, so they are no test")
    lines += block_lines(metrics, primary)
    for name, one in metrics.get("package", {}).get("tested", {}).items():
        if one[primary] is not None:
            who = f"the package's own {name.lower()}, {one['cases']} cases of {one['patients']} patients"
            lines.append(f"{who}: {primary} {estimate_text(one[primary])}")
    return lines


def block_lines(metrics: dict[str, Any], primary: str) -> list[str]:
    """The lines of one set of cases, and what must be said of them. Of two classes, which share what ranks them, the whole is
    said alone. Of the best of several models its choice is told below.
    """
    overall = metrics["overall"][primary]
    parts = {name: block[class_measure(primary)] for name, block in metrics["by_class"].items()}
    rows = {"mean": overall, **(parts if any(one["mean"] != overall["mean"] for one in parts.values()) else {})}
    width = max(len(name) for name in rows)
    whole, *lines = [f"{primary} {name:<{width}}  {estimate_text(value)}" for name, value in rows.items()]
    choice = metrics.get("chosen_without")
    if choice is not None:  # directly below the headline, which it corrects
        lines = [f"{primary} where each fold takes the model best in the others  {estimate_text(choice)}", *lines]
    return [whole, *lines, *finding_lines(metrics), *metrics.get("caveats", ())]


def finding_lines(metrics: dict[str, Any]) -> list[str]:
    """How well findings were found one by one; [] where none were looked for."""
    if "findings" not in metrics:
        return []
    overall = metrics["findings"]["overall"]
    width = max(map(len, OF_FINDINGS))
    return [f"{name:<{width}}  {estimate_text(overall[name])}" for name in OF_FINDINGS]


def estimate_text(value: dict[str, Any]) -> str:
    """A mean with its interval and number of cases. An interval is missing only where the patients are too few."""
    if value["mean"] is None:
        return f"not defined (0 of {value['n']} cases)"
    if value["ci95"] is None:
        return f"{value['mean']:.4f}  n = {value['n_defined']}, too few patients for an interval"
    return f"{value['mean']:.4f} [{value['ci95'][0]:.4f}, {value['ci95'][1]:.4f}]  n = {value['n_defined']}"
