"""The page about ensembles as one self-contained HTML file, from an EnsembleReport."""

from collections.abc import Sequence

from scanwright.figures.intervals import Interval, interval_plot
from scanwright.report import notation
from scanwright.report.ensemble_content import EnsembleReport, EnsembleRow, Worth
from scanwright.report.html import Words, page_environment, style, words_of
from scanwright.report.page import label
from scanwright.report.results_content import Difference

SORTS = {"single": "Single models", "semi": "Semi ensembles, of one training", "full": "Full ensembles"}
MARGIN = 1.1


def build(content: EnsembleReport, *, language: str = "en") -> str:
    """The page as text; columns without content are left out.

    Raises jinja2.TemplateNotFound for a language without a template.
    """
    words = words_of(language)
    environment = page_environment()
    environment.globals.update(
        metric=notation.metric,
        digits=notation.digits_of,
        label=lambda key: label(notation.metric(key), words),
        sorts=[(sort, title) for sort, title in SORTS.items() if any(row.sort == sort for row in content.rows)],
    )
    page = environment.get_template(f"ensemble.{language}.html").render(
        report=content,
        has_test=any(row.test is not None for row in content.rows),
        plots=[plot for plot in (gains_plot(content.rows, words, test=test) for test in (False, True)) if plot],
        **style(),
    )
    return page.lstrip()


def gains_plot(rows: Sequence[EnsembleRow], words: Words, *, test: bool) -> bytes | None:
    """Each row's difference from the best single model with its interval, as SVG; None where no row has one."""
    shown: list[Interval] = []
    key = ""
    for row in rows:
        gain = gain_of(row.test if test else row.held_out)
        if gain is None or gain.estimate.mean is None or gain.estimate.low is None or gain.estimate.high is None:
            continue
        key = gain.metric
        low, high = gain.estimate.low, gain.estimate.high
        passes = f"{row.passes} pass{'es' if row.passes > 1 else ''}"
        shown.append(
            Interval(
                name=row.name, value=gain.estimate.mean, low=low, high=high, note=passes, is_marked=not low <= 0 <= high
            )
        )
    if not shown:
        return None
    reach = MARGIN * max(max(abs(one.low), abs(one.high)) for one in shown) or 1.0
    title = words["axes"]["difference_of"].format(metric=label(notation.metric(key), words))
    title += ", test split" if test else ", out of fold"
    return interval_plot(shown, x_label=title, limits=(-reach, reach), null=0.0, limit=0.0)


def gain_of(worth: Worth | None) -> Difference | None:
    """The first difference of a row, None without."""
    return worth.gains[0] if worth is not None and worth.gains else None
