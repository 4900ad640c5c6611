"""The page about a data set as one self-contained HTML file, from a DataReport."""

from scanwright.figures.palette import STRUCTURES
from scanwright.report.data_content import DataReport
from scanwright.report.html import page_environment, style, words_of


def build(content: DataReport, *, language: str = "en") -> str:
    """The page as text; parts without content are left out.

    Raises jinja2.TemplateNotFound for a language without a template.
    """
    environment = page_environment()
    environment.globals.update(
        colour_class=lambda index: f"c{index % len(STRUCTURES)}",
        title_of=lambda code: words_of(language)["findings"].get(code, code.replace("-", " ").capitalize()),
    )
    page = environment.get_template(f"inspect.{language}.html").render(report=content, **style())
    return page.lstrip()
