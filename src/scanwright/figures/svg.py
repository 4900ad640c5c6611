"""A matplotlib figure as bytes: SVG that may be put into a page as it is, or PNG.

The SVG holds no style attribute and no style sheet, so it lives under a content security policy that allows neither; its
ids are made from its content, so several fit into one page; text stays text, in the font of the page. Names that come
from users (cases, regions) never pass through matplotlib, which would read `$` as mathematics and warn about glyphs that
its own font lacks: they are put in here, where the XML writer escapes them.
"""

import hashlib
import io
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from scanwright.figures.palette import THEME

SVG = "http://www.w3.org/2000/svg"
XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
CSS_PIXELS_PER_INCH = 96

# Characters that XML 1.0 cannot hold in any form.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Text-as-text and the salt are process-wide settings of matplotlib, with no argument to pass them by.
_LOCK = threading.Lock()


def new_figure(width_px: float, height_px: float) -> Figure:
    """An empty, transparent figure, measured in CSS pixels of 1/96 inch."""
    figure = Figure(figsize=(width_px / CSS_PIXELS_PER_INCH, height_px / CSS_PIXELS_PER_INCH), dpi=CSS_PIXELS_PER_INCH)
    figure.patch.set_visible(False)
    return figure


def to_svg(
    figure: Figure,
    *,
    label: str,
    texts: Mapping[str, str] | None = None,
    titles: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """The figure as one `<svg>` element in UTF-8: the same figure, the same bytes.

    label: what the picture shows, for those who hear the page.
    texts: gid of a text -> the words that stand there in place of its placeholder.
    titles: gid of a scatter -> a tooltip for each of its points, in their order.
    """
    raw = io.BytesIO()
    FigureCanvasSVG(figure)
    with _LOCK, matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "scanwright"}):
        figure.savefig(raw, format="svg", metadata={"Date": None})
    root = ET.fromstring(raw.getvalue())  # noqa: S314  # written a line above
    _strip(root)
    _place_texts(root, texts or {})
    _place_titles(root, titles or {})
    for element in root.iter():
        _attributes_for_style(element)
    _rename_ids(root, "f" + hashlib.sha256(raw.getvalue() + repr((texts, titles, label)).encode()).hexdigest()[:8])
    root.attrib.update({"role": "img", "aria-label": _clean(label), "stroke-linejoin": "round"})
    ET.register_namespace("", SVG)
    return ET.tostring(root, encoding="unicode").encode()


def to_png(figure: Figure, *, scale: float = 2.0) -> bytes:
    """The figure as PNG with `scale` pixels for a CSS pixel, without a date or a program's name."""
    raw = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(raw, format="png", dpi=CSS_PIXELS_PER_INCH * scale, metadata={"Software": None})
    return raw.getvalue()


def _strip(root: ET.Element) -> None:
    """Take out metadata and the style sheet, which would otherwise hold for the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{{{SVG}}}metadata", f"{{{SVG}}}style"}:
                parent.remove(child)


def _place_texts(root: ET.Element, texts: Mapping[str, str]) -> None:
    for group in root.iter(f"{{{SVG}}}g"):
        words = texts.get(group.get("id", ""))
        if words is not None:
            for text in group.iter(f"{{{SVG}}}text"):
                text.text = _clean(words)


def _place_titles(root: ET.Element, titles: Mapping[str, Sequence[str]]) -> None:
    for group in root.iter(f"{{{SVG}}}g"):
        for point, words in zip(group.iter(f"{{{SVG}}}use"), titles.get(group.get("id", ""), ()), strict=False):
            ET.SubElement(point, f"{{{SVG}}}title").text = _clean(words)


def _attributes_for_style(element: ET.Element) -> None:
    """Turn `style="fill: #1b2430"` into `fill="#1b2430" class="f-ink"`: a style sheet wins over such attributes."""
    pairs = [rule.split(":", 1) for rule in element.attrib.pop("style", "").split(";") if ":" in rule]
    for name, value in ((name.strip(), value.strip()) for name, value in pairs):
        if name != "font-family":
            element.set(name, value)
    classes = [f"{name[0]}-{THEME[value]}" for name in ("fill", "stroke") if (value := element.get(name, "")) in THEME]
    if classes:
        element.set("class", " ".join(classes))


def _rename_ids(root: ET.Element, prefix: str) -> None:
    """Keep only the ids that something points to, under names that no other figure of the page has."""
    references = re.findall(r'(?:url\(#|href="#)([^)"]+)', ET.tostring(root, encoding="unicode"))
    names = {old: f"{prefix}-{number}" for number, old in enumerate(dict.fromkeys(references))}
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old in names:
            element.set("id", names[old])
        if (target := element.attrib.pop(XLINK_HREF, None)) is not None:
            element.set("href", "#" + names[target.removeprefix("#")])
        if (clip := element.get("clip-path")) is not None:
            element.set("clip-path", f"url(#{names[clip.removeprefix('url(#').removesuffix(')')]})")


def _clean(words: str) -> str:
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", words)
