"""What every page has in common: one self-contained HTML file, no script, no request, nothing outside the file.

A page forbids itself everything but its own style sheet and embedded pictures (a content security policy with the style
sheet's hash), and every text is escaped, so that a case named `<script>` is a name. All words stand in
`templates/*.<language>.html` and `templates/words.<language>.json`; the look stands in `templates/report.css`.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from scanwright.figures.palette import STRUCTURES
from scanwright.report import notation

Words: TypeAlias = Mapping[str, Any]


def page_environment() -> Environment:
    """Jinja with everything escaped, undefined names refused, and the ways in which pages write numbers and pictures."""
    environment = Environment(
        loader=PackageLoader("scanwright.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=notation.number,
        p_value=notation.p_value,
        interval=notation.interval,
        duration=notation.duration,
        memory=notation.memory,
        data_uri=data_uri,
        markup=markup,
    )
    return environment


def data_uri(picture: bytes) -> str:
    """A PNG or JPEG as a URI that holds it."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64," + base64.b64encode(picture).decode()


def style() -> dict[str, str]:
    """The style sheet and its hash, as a template's `style` and `style_hash`."""
    colours = "".join(f".c{index}{{--c:{colour}}}" for index, colour in enumerate(STRUCTURES))
    sheet = "\n" + _template("report.css") + colours + "\n"
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    return {"style": Markup(sheet), "style_hash": digest}  # noqa: S704  # our own file


def words_of(language: str) -> Words:
    """The words that are not in a template. Raises FileNotFoundError for a language that there is not."""
    found: Words = json.loads(_template(f"words.{language}.json"))
    return found


def markup(svg: bytes) -> Markup:
    """A figure of `figures.svg`, which has escaped every text in it, as a part of a page."""
    return Markup(svg.decode())  # noqa: S704


def _template(name: str) -> str:
    return (resources.files("scanwright.report") / "templates" / name).read_text(encoding="utf-8")
