import re
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

from scanwright.figures.palette import ACCENT, INK, STRUCTURES, structure_colour
from scanwright.figures.svg import new_figure, to_png, to_svg

SVG = "{http://www.w3.org/2000/svg}"


def draw(x: float = 1.0):
    figure = new_figure(200, 100)
    axes = figure.add_axes((0.1, 0.2, 0.8, 0.7))
    axes.scatter([x, 2.0], [3.0, 4.0], color=ACCENT).set_gid("dots")
    axes.text(1.0, 3.5, "x", color=INK, gid="name")
    return figure


def svg(x: float = 1.0, name: str = "liver") -> bytes:
    return to_svg(draw(x), label="two dots", texts={"name": name}, titles={"dots": ["first", "second"]})


def test_to_svg__no_style_that_a_strict_page_would_refuse():
    text = svg().decode()
    assert (
        "style" not in text
        and "<metadata" not in text
        and "<!DOCTYPE" not in text
        and "http://www.w3.org/1999" not in text
    )


def test_to_svg__theme_colours_are_classes_that_a_page_may_restyle():
    root = ET.fromstring(svg())
    words = next(text for text in root.iter(f"{SVG}text") if text.text == "liver")
    assert (words.get("fill"), words.get("class")) == (INK, "f-ink")
    assert any(point.get("class") == "f-accent s-accent" for point in root.iter(f"{SVG}use"))


def test_to_svg__hostile_names_are_text():
    text = svg(name="<script>alert(1)</script> & $\\frac$ \x00").decode()
    assert "<script" not in text
    words = [node.text for node in ET.fromstring(text).iter(f"{SVG}text")]
    assert "<script>alert(1)</script> & $\\frac$ \N{REPLACEMENT CHARACTER}" in words


def test_to_svg__each_point_has_its_tooltip():
    points = [use for use in ET.fromstring(svg()).iter(f"{SVG}use") if use.find(f"{SVG}title") is not None]
    assert [point.find(f"{SVG}title").text for point in points] == ["first", "second"]
    assert float(points[0].get("x")) < float(points[1].get("x"))


def test_to_svg__ids_are_all_used_and_no_other_figure_has_them():
    ids = [set(re.findall(r' id="([^"]+)"', svg(x).decode())) for x in (1.0, 1.5)]
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg().decode()))
    assert ids[0] == used and ids[0] and not ids[0] & ids[1]


def test_to_svg__same_figure_same_bytes_in_threads_too():
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: svg(), range(8))) == {svg()}


def test_to_png__twice_the_css_pixels_and_no_date():
    png = to_png(draw())
    assert (int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")) == (400, 200)
    assert png == to_png(draw()) and b"tEXt" not in png


def test_structure_colour__fourteen_different_then_round_again():
    assert len(set(STRUCTURES)) == 14 and structure_colour(14) == structure_colour(0) == "#e69f00"
