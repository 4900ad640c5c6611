"""The study report as one self-contained HTML page and as PDF, from a StudyContent.

Layout and words are data: `templates/study.html` and `templates/study.LANGUAGE.json`. A site may put its own files of these
names into a folder; what it leaves out is taken from here. Site templates run in Jinja's sandbox: they can lay out, and cannot
call.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, TemplateError, UndefinedError, nodes
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.sandbox import SandboxedEnvironment

from scanwright.errors import InputError, UsageError
from scanwright.report import notation
from scanwright.report.html import data_uri
from scanwright.report.study_content import FindingLine, StudyContent
from scanwright.report.study_words import (
    LAYOUT,
    file_of_words,
    said,
    tested_text,
    things_of,
    told_images,
    words_of_study,
)

GIVEN = ("study", "words", "language", "things")
"""What a layout may ask for."""
OF_JINJA = ("loop", "self", "super", "caller", "varargs", "kwargs")
"""What Jinja gives within its own constructs."""
OF_NAMES_NOT_THERE = ("defined", "undefined", "default", "d")
"""Jinja's tests and filters that take a name which may not be there."""
DENSE = {
    ".research, .warnings": "margin: 1.5mm 0; padding-top: 0.8mm; padding-bottom: 0.8mm",
    ".facts": "margin-top: 1.2mm",
    ".images": "margin-top: 1.5mm; row-gap: 1mm",
    "figcaption": "margin-top: 0.2mm",
    "h2": "margin: 1.6mm 0 0.3mm",
    "table": "font-size: 0.94em",
    "th": "padding: 0.2mm 0.7mm",
    "td": "padding: 0.2mm 0.7mm; line-height: 1.2",
    "td small": "display: inline; margin-left: 0.5mm",
    "footer": "margin-top: 1.5mm; padding-top: 0.8mm",
}
FEWER_PICTURES = {".close ~ .close ~ .close, .small ~ .small ~ .small": "display: none"}
SMALLER_LETTERS = {"body": "font-size: 8pt"}


def _lower(high: int, wide: int) -> dict[str, str]:
    """Pictures of the whole at most so many mm high, those of one plane and those of several."""
    return {
        "figure.whole:not(.wide) img": f"max-height: {high}mm",
        "figure.whole.wide img": f"max-height: {wide}mm",
    }


TIGHTER = (
    _lower(75, 42),
    _lower(75, 42) | DENSE,
    _lower(75, 42) | DENSE | FEWER_PICTURES,
    _lower(58, 36) | DENSE | FEWER_PICTURES,
    _lower(48, 30) | DENSE | FEWER_PICTURES | SMALLER_LETTERS,
)
"""Rules for paper, each with less air than the one before: lower pictures of the whole (95 and 48 mm are the layout's own),
rows of one line, two findings with a picture of their own, smaller letters.
"""


def _over_the_layout(rules: Mapping[str, str]) -> str:
    """Rules as CSS that goes before the page's own.

    >>> _over_the_layout({"td": "padding: 0; margin: 0"})
    'td { padding: 0 !important; margin: 0 !important }'
    """
    forced = {where: "; ".join(f"{one} !important" for one in said.split("; ")) for where, said in rules.items()}
    return " ".join(f"{where} {{ {said} }}" for where, said in forced.items())


def require_words(language: str, *, site: Path | None = None) -> None:
    """Raise what `build_study` would raise for a language without words, or a site's folder that is not there, holds neither
    layout nor words, has words that cannot be used, or a layout that is no template or asks for what no page has. What it
    asks of that is known only with a study's content.
    """
    if site is not None:
        ours = f"{LAYOUT} or study.{language}.json"
        if not site.is_dir():
            found = "a file" if site.exists() else "nothing there"
            raise InputError("no folder of templates", where=site, expected=f"a folder with {ours}", found=found)
        if not (site / LAYOUT).is_file() and not any(site.glob("study.*.json")):
            raise InputError("a folder without templates", where=site, expected=ours)
    words_of_study(language, site=site)
    environment = _environment(site)
    try:
        environment.get_template(LAYOUT)
        if site is not None and (site / LAYOUT).is_file():
            source = (site / LAYOUT).read_text(encoding="utf-8")
            if unknown := _unknown_names(environment.parse(source)):
                raise UndefinedError(f"{unknown[0]} is undefined; there are {', '.join(GIVEN)}")
            if not source.strip():
                raise UndefinedError("nothing in it")
    except (TemplateError, ValueError, OSError) as error:
        raise _unusable(error, site) from error


def build_study(content: StudyContent, *, language: str = "en", site: Path | None = None) -> str:
    """The page as text. site: a folder with templates of one's own.

    Raises UsageError for a language that there are no words for, InputError for a site's template or words that cannot be used.
    """
    words = words_of_study(language, site=site)
    environment = _environment(site)
    environment.filters.update(
        said=partial(said, words=words, where=file_of_words(language, site)),
        tested=partial(tested_text, words=words),
        images=partial(told_images, words=words),
    )
    things = things_of(content.model, words)
    try:
        page = environment.get_template(LAYOUT).render(study=content, words=words, language=language, things=things)
    except (TemplateError, LookupError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise _unusable(error, site) from error
    return page.lstrip()


def _unknown_names(parsed: nodes.Template) -> list[str]:
    """Names that a layout asks for, and neither is given nor sets anywhere itself, nor asks whether they are there."""
    names = list(parsed.find_all(nodes.Name))
    set_by_it = {one.name for one in names if one.ctx != "load"} | {one.name for one in parsed.find_all(nodes.Macro)}
    imported = {name for one in parsed.find_all(nodes.FromImport) for name in map(str, one.names)}
    imported |= {one.target for one in parsed.find_all(nodes.Import)}
    unsure = [one.node for one in parsed.find_all((nodes.Test, nodes.Filter)) if one.name in OF_NAMES_NOT_THERE]
    asked_after = {node.name for node in unsure if isinstance(node, nodes.Name)}
    known = {*GIVEN, *DEFAULT_NAMESPACE, *OF_JINJA, *set_by_it, *imported, *asked_after}
    return sorted({one.name for one in names if one.ctx == "load"} - known)


def _environment(site: Path | None) -> SandboxedEnvironment:
    """Where templates are found and what they may use, but for the words of doubts."""
    environment = SandboxedEnvironment(
        loader=ChoiceLoader(
            [*([FileSystemLoader(site)] if site else []), PackageLoader("scanwright.report", "templates")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=notation.number, data_uri=data_uri, percent=percent)
    environment.filters.update(signed=signed_percent, digits=digits_of_value, person=person, size=notation.size)
    environment.filters.update(dict.fromkeys(("said", "tested", "images"), str))
    return environment


def _unusable(error: Exception, site: Path | None) -> InputError:
    """The fault of a layout: the site's own, or ours. Words have been looked through before."""
    where = site / LAYOUT if site is not None and (site / LAYOUT).is_file() else LAYOUT
    return InputError("a template that cannot be used", where=where, found=str(error)[:200])


def digits_of_value(one: FindingLine) -> int:
    """Decimals of a finding's mean and deviation: two significant digits of the deviation, of the mean where there is none.

    >>> digits_of_value(FindingLine(number=1, kind="", mean=0.5, deviation=0.3))
    2
    """
    return notation.decimals(one.deviation or one.mean or 1.0)


def person(name: str) -> str:
    """A name as people write it. name: as DICOM has it, FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX in up to three scripts (PS3.5 6.2).

    >>> person("Doe^Jane^M"), person("Doe^Jane^^Dr"), person("Doe Jane"), person("Wang^XiaoDong=王^小東=")
    ('Doe, Jane M', 'Doe, Jane, Dr', 'Doe Jane', 'Wang, XiaoDong (王小東)')
    """
    latin, *others = (one.split("^") for one in name.split("="))
    given = " ".join(part for part in latin[1:3] if part)
    written = ", ".join(part for part in (latin[0], given, *latin[3:]) if part)
    original = next((text for one in others if (text := "".join(one))), "")
    return f"{written} ({original})" if written and original else written or original


def percent(share: float | None, digits: int = 0) -> str:
    """A share in percent, an en dash for none; what is more than nothing is never told as 0 %.

    >>> percent(0.1234), percent(0.001), percent(None)
    ('12 %', '<1 %', '–')
    """
    if share is None:
        return notation.NOT_DEFINED
    if 0 < share < 0.5 * 10**-2 / 10**digits:
        return f"<{10**-digits:g} %"
    return f"{notation.number(100 * share, digits)} %"


def signed_percent(change: float | None) -> str:
    """A change in percent with its sign.

    >>> signed_percent(0.25), signed_percent(-0.1), signed_percent(0.0)
    ('+25 %', '−10 %', '±0 %')
    """
    if change is None:
        return notation.NOT_DEFINED
    text = notation.number(100 * change, 0)
    return f"±{text} %" if text == "0" else f"{'+' if change > 0 else ''}{text} %"


def study_pdf(page: str) -> bytes:
    """A page of `build_study` as PDF, tightened (TIGHTER) as far as that saves a page; nothing outside is read.

    Raises UsageError, saying what to install, where WeasyPrint is not there.
    """
    try:
        from weasyprint import CSS, HTML
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError) as error:  # OSError: Pango is not there
        raise UsageError(
            "a PDF needs WeasyPrint",
            where="--report",
            found=str(error).partition("\n")[0][:160],
            hint="Install the extra: pip install scanwright[pdf] (on Debian also libpango-1.0-0 and libpangoft2-1.0-0).",
        ) from error
    html = HTML(string=page, url_fetcher=URLFetcher(allowed_protocols=("data",)))
    document = html.render()
    for rules in TIGHTER:
        if len(document.pages) == 1:
            break
        tighter = html.render(stylesheets=[CSS(string=_over_the_layout(rules))])
        document = min(document, tighter, key=lambda one: len(one.pages))
    written: bytes = document.write_pdf()
    return written
