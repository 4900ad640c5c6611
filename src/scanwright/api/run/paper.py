"""What a paper about a run needs beside its report."""

from scanwright.api.run.folder import Run
from scanwright.api.run.sizes import plan_sizes
from scanwright.api.run.trials import Tried
from scanwright.report.content import Section
from scanwright.report.enough_section import CurvePart, enough_section
from scanwright.runtime import Machine


def write_paper(run: Run, kept: Tried, curve: CurvePart | None, *, machine: Machine) -> tuple[Section, ...]:
    """Write sample_size.json, and give the sections of the report."""
    size = plan_sizes(run, kept.study.problem, kept.scores)
    section = enough_section(curve, size)
    return () if section is None else (section,)
