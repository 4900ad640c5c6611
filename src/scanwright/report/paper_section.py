"""What a paper needs, as a section of the page: methods with their literature, and how far checklists are filled."""

import re
from collections.abc import Sequence

from scanwright.report.checklist import Checklist, counts
from scanwright.report.citations import cited, entry_text
from scanwright.report.content import Section, Table
from scanwright.report.methods import Paragraph

CITATION = re.compile(r" ?\[(@[a-z0-9@; ]+)\]")


def paper_section(paragraphs: Sequence[Paragraph], lists: Sequence[Checklist]) -> Section:
    """The section. Citations are numbered in order of first use."""
    keys = cited(one.text for one in paragraphs)
    number = {key: place + 1 for place, key in enumerate(keys)}

    def numbered(text: str) -> str:
        return CITATION.sub(lambda found: f" [{', '.join(str(number[key]) for key in cited([found.group(1)]))}]", text)

    return Section(
        name="paper",
        title="For a paper",
        said=(
            "Methods as text that may be used as it is, made from this run’s own files: methods.md, with references.bib. Every "
            "number stands in plan.json, metrics.json or another file beside this page. What a run cannot know is not in it.",
        ),
        tables=(
            Table(
                caption="Methods.",
                head=("Part", "What was done"),
                rows=tuple((one.title, numbered(one.text)) for one in paragraphs),
                numeric=False,
            ),
            Table(
                caption="References.",
                head=("", "Source"),
                rows=tuple((str(number[key]), entry_text(key)) for key in keys),
                numeric=False,
            ),
            Table(
                caption="Reporting checklists, filled in from the run: checklists/*.md and *.csv. An item "
                "is filled in part where "
                "authors have to add what no run knows.",
                head=("Checklist", "Items", "Filled", "In part", "For the authors"),
                rows=tuple(counts(lists)),
            ),
        ),
        beneath=tuple(f"{one.name}: {entry_text(one.cite)}" for one in lists),
    )
