"""Everything that the page about a data set says, as plain data. Knows nothing of folders or of how things were found.

The page has a verdict, the data in facts, a contact sheet, all findings, and then sections: each a question about the data
with its answer as tables, plots and pictures.
"""

from dataclasses import dataclass, field
from datetime import datetime

from scanwright.report.content import Finding
from scanwright.report.results_content import Fact


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A case as a small picture (PNG or JPEG), with a line beneath its name."""

    case: str
    image: bytes
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Strip:
    """Pictures that belong together: copies of one image, cases with one fault. note: a sentence below them."""

    pictures: tuple[Picture, ...]
    title: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Rows of texts below a head. caption: a sentence on what the numbers are. numeric: columns that are set flush right.

    marked: rows that matter, by index.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """Figures of `figures` (SVG) with one caption."""

    panels: tuple[bytes, ...]
    caption: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One question about the data. id: a word for links. lead: a sentence or two with the answer."""

    id: str
    title: str
    lead: str
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    strips: tuple[Strip, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingGroup:
    """Findings of one severity and code, with pictures of the cases that they are about."""

    code: str
    findings: tuple[Finding, ...]
    pictures: tuple[Picture, ...] = ()

    @property
    def severity(self) -> str:
        """The severity of all of them."""
        return self.findings[0].severity

    @property
    def waived(self) -> bool:
        """Whether each of them is waived."""
        return all(finding.waived for finding in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class DataReport:
    """The whole page. stated: the layout in one line. stops: how many findings stop a run."""

    title: str
    created: datetime
    stated: str
    stops: int
    summary: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    sheet: tuple[Picture, ...] = ()
    sheet_note: str = ""
    region_names: tuple[str, ...] = ()
    groups: tuple[FindingGroup, ...] = ()
    sections: tuple[Section, ...] = field(default=())
    provenance: tuple[Fact, ...] = ()
