"""What reports of all kinds share: which cases are shown, and tables of measures that are of all cases together."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from PIL import Image

from scanwright.dataset.cases import Case
from scanwright.dataset.images import read_case_image
from scanwright.dataset.task import Task
from scanwright.evaluation.cases.judged import JudgedCase
from scanwright.evaluation.intervals.bootstrap import Interval
from scanwright.evaluation.summaries.summary import BY_GROUP_AND_CLASS
from scanwright.figures.overlay import CT_SOFT_TISSUE
from scanwright.figures.thumbnail import thumbnail
from scanwright.geometry.volume import Volume
from scanwright.report.results_content import (
    CaseRow,
    Difference,
    Estimate,
    Figure,
    RegionRow,
    ResultSet,
    Role,
    estimates,
    group_rows,
)
from scanwright.report.subgroup_content import subgroup_part, with_small
from scanwright.types import JSON

Row = TypeVar("Row")
Judged = TypeVar("Judged", bound=JudgedCase)

SIDE_PX = 320


def best_to_worst(worst_first: Sequence[Row]) -> list[tuple[Role, Row]]:
    """The best row, the middle one and the two worst, each once; fewer of fewer rows."""
    if not worst_first:
        return []
    last = len(worst_first) - 1
    places: tuple[tuple[Role, int], ...] = (
        ("best", last),
        ("median", len(worst_first) // 2),
        ("worst", 1),
        ("worst", 0),
    )
    chosen: dict[int, Role] = {}
    for role, place in places:
        chosen.setdefault(min(place, last), role)
    return [(role, worst_first[place]) for place, role in chosen.items()]


def of_all_together(
    name: str,
    summary: Mapping[str, JSON],
    *,
    cases: Sequence[CaseRow],
    figures: tuple[Figure, ...],
    note: str,
    by_part: bool = True,
) -> ResultSet:
    """A set of cases whose measures are of all of them together. summary: its part of metrics.json. by_part: whether groups are
    told by class or quantity too: where these are several, and not the two sides of one question.
    """
    parts = summary.get(BY_GROUP_AND_CLASS) if by_part and len(summary["by_class"]) > 1 else None
    return ResultSet(
        name=name,
        overall=estimates(summary["overall"]),
        regions=tuple(RegionRow(region=one, metrics=estimates(block)) for one, block in summary["by_class"].items()),
        groups=with_small(group_rows(summary["by_group"], parts), summary),
        subgroups=subgroup_part(summary),
        cases=tuple(cases),
        note=note,
        of_each_case=False,
        figures=figures,
    )


def in_order(rows: Iterable[Judged]) -> list[Judged]:
    """Rows by the names of their cases, so that those of several models stand in one order."""
    return sorted(rows, key=lambda row: row.case)


def difference(
    metric: str, value: float | None, interval: Interval | None, p: float | None, *, n: int, part: str = ""
) -> Difference:
    """A paired difference of n cases as the page shows it."""
    low, high = interval or (None, None)
    return Difference(
        metric=metric, estimate=Estimate(mean=value, low=low, high=high, n=n, n_defined=n), p=p, part=part
    )


def shown(case: Case, task: Task) -> bytes:
    """A case's image as PNG, a volume by its middle slice."""
    return pictured(read_case_image(case, task), task)


def pictured(image: Volume, task: Task) -> bytes:
    """An image as PNG, a volume by its middle slice."""
    window = CT_SOFT_TISSUE if task.channels[0].modality == "ct" else None
    small = thumbnail(image.voxels, grid=image.grid, window=window, side_px=SIDE_PX)
    stored = io.BytesIO()
    with Image.open(io.BytesIO(small)) as opened:
        opened.save(stored, "PNG")
    return stored.getvalue()
