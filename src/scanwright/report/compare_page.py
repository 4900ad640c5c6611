"""The page of `compare` as one self-contained HTML file, from a CompareContent."""

from collections.abc import Sequence

from markupsafe import Markup

from scanwright.figures.contrasts import Difference, difference_plot, rank_plot
from scanwright.report import notation
from scanwright.report.compare_content import CompareContent, MeasureRows
from scanwright.report.html import markup, page_environment, style, words_of
from scanwright.report.page import label
from scanwright.report.results_content import Estimate

MOST_DRAWN = 28
"""Pairs that are drawn; a table holds all."""


def build(content: CompareContent, *, language: str = "en") -> str:
    """The page as text. Raises jinja2.TemplateNotFound for a language without a template."""
    words = words_of(language)
    environment = page_environment()
    environment.globals.update(
        metric=notation.metric,
        label=lambda key: label(notation.metric(key), words),
        meaning=lambda key: words["metrics"].get(notation.metric(key).stem, ("", ""))[1],
        digits=digits_of_difference,
        digits_of=notation.digits_of,
        plain=Estimate,
    )
    page = environment.get_template(f"compare.{language}.html").render(
        report=content,
        differences=differences(
            content.measures[0], content.margin, title=label(notation.metric(content.measures[0].metric), words)
        ),
        ranks=ranks(content),
        **style(),
    )
    return page.lstrip()


def digits_of_difference(key: str, value: Estimate) -> int:
    """Digits after the point with which a difference is told: one more than the measure has, of small ones."""
    places = notation.digits_of(notation.metric(key), value)
    return places + 1 if value.mean is not None and abs(value.mean) < 10 ** (1 - places) else places


def differences(measure: MeasureRows, margin: float | None, *, title: str) -> Markup | None:
    """Every pair's difference with its intervals; None without one."""
    rows: Sequence[Difference] = [
        Difference(
            name=f"{row.first} − {row.second}",
            value=row.estimate.mean,
            interval=_ends(row.estimate),
            wide=None if row.wide is None else _ends(row.wide),
            note=row.verdict,
            is_shown=row.is_shown,
        )
        for row in measure.pairs[:MOST_DRAWN]
        if row.estimate.mean is not None
    ]
    if not rows:
        return None
    named = f"{title}, first less second" + (f": {measure.part}" if measure.part else "")
    return markup(
        difference_plot(
            rows, x_label=named, margin=margin, digits=digits_of_difference(measure.metric, measure.pairs[0].estimate)
        )
    )


def ranks(content: CompareContent) -> Markup | None:
    """In which share of the draws each model takes each rank; None without draws."""
    drawn = [one for one in content.models if one.shares]
    if not drawn:
        return None
    return markup(
        rank_plot(
            [one.name for one in drawn],
            [one.shares for one in drawn],
            row_label="Model",
            column_label="Rank in draws of the patients",
        )
    )


def _ends(value: Estimate) -> tuple[float, float] | None:
    return None if value.low is None or value.high is None else (value.low, value.high)
