"""Reporting checklists for medical AI, filled in from a run as far as a run can know.

CLAIM, 2024 update (Tejani et al. 2024, Radiol Artif Intell 6:e240300) and TRIPOD+AI (Collins et al. 2024, BMJ 385:e078378).
Their items lie in checklists/*.json by number, with what each asks in our own short words (their own wording is theirs: read
it there), templates of what a run says to it (`told.py`), and what is left for the authors. A sentence of which a value is
missing in the run is not said, so that an item is filled only by what there is.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from scanwright.report.citations import entry_text
from scanwright.report.told import Records, Said, say

Status = Literal["filled", "partly", "authors"]
CHECKLISTS = ("claim", "tripod_ai")
PRIMARY = "PRIMARY"
"""Stands in templates for the name of the headline's metric."""
FOR_AUTHORS = "For the authors"
CALLED: dict[Status, str] = {
    "filled": "filled by the run",
    "partly": "in part; the rest is for the authors",
    "authors": "for the authors",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """An item of a checklist. said: by the run, with sources. authors: what is left for them; "" where nothing is."""

    number: str
    section: str
    asks: str
    said: tuple[Said, ...]
    authors: str

    @property
    def status(self) -> Status:
        """Whether the run fills the item, in part, or not at all."""
        if not self.said:
            return "authors"
        return "partly" if self.authors else "filled"

    @property
    def sources(self) -> tuple[str, ...]:
        """Files and keys, each once."""
        return tuple(dict.fromkeys(source for one in self.said for source in one.sources))


@dataclass(frozen=True, kw_only=True, slots=True)
class Checklist:
    """A checklist of a run. key: of its file; cite: the key of its paper."""

    key: str
    name: str
    cite: str
    items: tuple[Item, ...]

    def count(self, status: Status) -> int:
        """How many items have a status."""
        return sum(item.status == status for item in self.items)

    @property
    def counted(self) -> str:
        """How many items are filled, in a sentence."""
        return (
            f"Of {len(self.items)} items the run fills {self.count('filled')}, and {self.count('partly')} in part; "
            f"{self.count('authors')} are for the authors alone."
        )


def checklist(key: str, records: Records) -> Checklist:
    """A checklist filled in. key: one of CHECKLISTS. records: of the run's files, "metrics" among them."""
    stored = json.loads(
        (resources.files("scanwright.report") / "checklists" / f"{key}.json").read_text(encoding="utf-8")
    )
    primary = records["metrics"]["primary"]
    items = tuple(
        Item(
            number=item["number"],
            section=item["section"],
            asks=item["asks"],
            said=tuple(one for text in item["says"] if (one := say(records, text.replace(PRIMARY, primary)))),
            authors=item["authors"] or ("" if item["says"] else FOR_AUTHORS),
        )
        for item in stored["items"]
    )
    items = tuple(item if item.said or item.authors else _left(item) for item in items)
    return Checklist(key=key, name=stored["name"], cite=stored["cite"], items=items)


def _left(item: Item) -> Item:
    """An item that the run could have filled and has not."""
    return Item(
        number=item.number, section=item.section, asks=item.asks, said=(), authors="The run says nothing of it."
    )


def checklist_markdown(made: Checklist) -> str:
    """The checklist as Markdown: a table by section, with where each statement stands."""
    lines = [
        f"# {made.name}",
        "",
        f"{entry_text(made.cite)} What an item asks is said in short here; its own words stand there.",
        "",
    ]
    lines += [
        f"{made.counted} Nothing here was judged: what a run says of an item may still not be enough for a reader.",
        "",
    ]
    for section in dict.fromkeys(item.section for item in made.items):
        lines += [
            f"## {section}",
            "",
            "| item | asks | the run says | source | for the authors |",
            "| --- | --- | --- | --- | --- |",
        ]
        for item in made.items:
            if item.section == section:
                said = " ".join(_sentence(one.text) for one in item.said)
                cells = (
                    item.number,
                    item.asks,
                    said or "–",
                    "; ".join(f"`{one}`" for one in item.sources) or "–",
                    item.authors or "–",
                )
                lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines)


def _sentence(text: str) -> str:
    """A text with a full stop: what people wrote in a datasheet may have none."""
    return text if text.rstrip().endswith((".", "!", "?")) else f"{text.rstrip()}."


def checklist_csv(made: Checklist) -> str:
    """The same as CSV, a line an item."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["item", "section", "asks", "status", "run_says", "source", "for_authors"])
    for item in made.items:
        said = " ".join(_sentence(one.text) for one in item.said)
        writer.writerow(
            [item.number, item.section, item.asks, item.status, said, "; ".join(item.sources), item.authors]
        )
    return stream.getvalue()


def counts(lists: Sequence[Checklist]) -> list[tuple[str, ...]]:
    """Rows of a table: the checklist, its items, and how many have each status."""
    return [
        (one.name, str(len(one.items)), *(str(one.count(status)) for status in ("filled", "partly", "authors")))
        for one in lists
    ]
