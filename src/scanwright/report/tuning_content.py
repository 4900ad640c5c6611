"""Everything that the page about a tuning says, as plain data: the verdict, then sections with tables and plots."""

from dataclasses import dataclass
from datetime import datetime

from scanwright.report.data_content import Section
from scanwright.report.html import page_environment, style
from scanwright.report.results_content import Fact


@dataclass(frozen=True, kw_only=True, slots=True)
class TuningReport:
    """The whole page. kept: whether the tuned plan is, and not the default. gain: the headline's number with its interval, in
    words. verdict: why. lead: sentences below it. command: what trains with the plan that is kept.
    """

    title: str
    created: datetime
    kept: bool
    metric: str
    gain: str
    scope: str
    verdict: str
    command: str
    lead: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    sections: tuple[Section, ...] = ()
    limits: tuple[str, ...] = ()
    provenance: tuple[Fact, ...] = ()


def build(content: TuningReport, *, language: str = "en") -> str:
    """The page as text, one self-contained HTML file. Raises jinja2.TemplateNotFound for a language without a template."""
    environment = page_environment()
    return environment.get_template(f"tuning.{language}.html").render(report=content, **style()).lstrip()
