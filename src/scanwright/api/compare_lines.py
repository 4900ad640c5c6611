"""A comparison as lines for a terminal: the models by rank, every pair by the measure that decides, and what that means."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scanwright.report.notation import interval, number, p_value
from scanwright.report.results_content import Estimate


def compared_lines(result: Mapping[str, Any]) -> list[str]:
    """The lines of what compare.json holds."""
    first = result["measures"][0]
    name = f"{first['metric']} of {first['part']}" if first["part"] else first["metric"]
    head = [f"{result['cases']} cases of {result['patients']} patients, by {name}", ""]
    return [*head, *_models(result, name), "", *_pairs(first, result), "", *result["said"], *result["notes"]]


def _models(result: Mapping[str, Any], name: str) -> list[str]:
    rows = [("model", name, "95 % CI", "rank", "rank 95 %", "first in")]
    for model, one in result["ranking"]["models"].items():
        shares, reach = one["share_at_rank"], one["rank95"]
        rows.append(
            (
                model,
                number(one["mean"], 4),
                _reach(one["mean"], one["ci95"]),
                "–" if one["rank"] is None else str(one["rank"]),
                "–" if reach is None else f"{reach[0]} to {reach[1]}",
                f"{100 * shares[0]:.0f} %" if shares else "–",
            )
        )
    return list(_table(rows))


def _pairs(first: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    tests = list(dict.fromkeys(test for pair in first["pairs"] for test in pair["p"]))
    rows = [("first − second", "difference", "95 % CI", *tests)]
    for pair in first["pairs"]:
        rows.append(
            (
                f"{pair['first']} − {pair['second']}",
                number(pair["difference"], 4),
                _reach(pair["difference"], pair["ci95"]),
                *(p_value(pair["p"].get(test, {}).get("p_corrected")) or "–" for test in tests),
            )
        )
    return list(_table(rows))


def _reach(value: float | None, ends: Sequence[float] | None) -> str:
    low, high = ends or (None, None)
    return interval(Estimate(mean=value, low=low, high=high), 4) or "–"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
