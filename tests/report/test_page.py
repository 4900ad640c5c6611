import base64
import dataclasses
import hashlib
import itertools
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib import resources

import numpy as np
import pytest

from report_sample import make_cases, read_hippocampus, sample, training_part
from scanwright.evaluation.label_maps.measures import describe_measures
from scanwright.report.content import (
    DatasetPart,
    Finding,
    Headline,
    HeldPart,
    HeldRow,
    ModelRow,
    ModelsPart,
    PlanRow,
    Provenance,
    ReportContent,
)
from scanwright.report.page import build
from scanwright.report.results_content import CaseRow, Difference, Estimate, Fact, RegionRow, ResultSet

VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = '<script>alert("1")</script>'
WORDS = json.loads((resources.files("scanwright.report") / "templates" / "words.en.json").read_text())
CSS = (resources.files("scanwright.report") / "templates" / "report.css").read_text()


class Page(HTMLParser):
    """Elements with attributes in order, visible text, and proof that tags close in the order in which they open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def content() -> ReportContent:
    return sample(make_cases(8))


@pytest.fixture(scope="module")
def html(content) -> str:
    return build(content)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def bare(**parts) -> ReportContent:
    return ReportContent(title="T", created=datetime(2026, 1, 2, 3, 4, tzinfo=UTC), **parts)


def test_build__asks_for_nothing_outside_itself(html, page):
    targets = [
        value
        for _, attributes in page.elements
        for key, value in attributes.items()
        if key in {"src", "href", "action"}
    ]
    assert targets and all(target.startswith(("#", "data:image/png;base64,")) for target in targets)
    assert not page.all("script", "link", "iframe", "object", "base", "form") and "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_build__lives_under_its_own_content_security_policy(html, page):
    policy = next(tag["content"] for tag in page.all("meta") if "http-equiv" in tag)
    style = re.search(r"<style>(.*?)</style>", html, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy and "default-src 'none'" in policy and "unsafe" not in policy
    assert html.count("<style") == 1
    assert not [
        attributes
        for _, attributes in page.elements
        if "style" in attributes or any(k.startswith("on") for k in attributes)
    ]


def test_build__same_content_same_page(content, html):
    assert html.startswith("<!doctype html>")
    assert build(content) == html


def test_build__sections_in_order_and_each_in_the_contents(page):
    ids = [section["id"] for section in page.all("section")]
    assert ids == ["results", "cases", "limits", "data", "split", "plan", "training", "provenance"]
    links = [link["href"] for link in page.all("a")]
    assert links == ["#main", "#summary", *(f"#{name}" for name in ids)]


def test_build__headings_step_down_one_at_a_time(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_build__ids_once_pictures_described_tables_headed(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(len(image["alt"]) > 20 for image in page.all("img")) and page.all("img")
    assert all(plot["role"] == "img" and plot["aria-label"] for plot in page.all("svg")) and page.all("svg")
    assert all(head.get("scope") in {"row", "col", "rowgroup"} for head in page.all("th"))


def test_build__figures_and_tables_are_numbered(page):
    for word in ("Figure", "Table"):
        numbers = [int(n) for n in re.findall(rf"\b{word} (\d+)\. ", page.text)]
        assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 5


def test_build__says_the_numbers(content, page):
    dice = content.results[0].overall["dice"]
    assert f"{dice.mean:.3f}" in page.text and f"{dice.low:.3f}–{dice.high:.3f}" in page.text
    assert "95% CI" in page.text and "7 of 8 cases" in page.text and "51 of" not in page.text
    assert "set by hand" in page.text and "hippocampus_118" in page.text and "2.3 GiB" in page.text
    assert "not a certified medical device" in page.text.lower()


def test_build__every_case_is_a_dot_and_a_row(content, html):
    for case in content.results[0].cases:
        assert f'<th scope="row">{case.case}</th>' in html
        # A dot for each region in two box plots, its scatter and its differences; a flagged case has one distance less.
        assert html.count(f"<title>{case.case}: ") == (7 if case.flags else 8)


def test_headline__with_what_must_be_said_of_it(content):
    headline = dataclasses.replace(content.headline, caveats=("Few patients have rim (2): look twice.",))
    text = Page(build(bare(headline=headline))).text
    assert "Caution" in text and "Few patients have rim (2): look twice." in text
    assert "Caution" not in Page(build(bare(headline=content.headline))).text


@pytest.mark.parametrize("part", ["empty", "headline only"])
def test_build__parts_without_content_have_no_section(content, part):
    page = Page(build(bare(headline=content.headline if part == "headline only" else None)))
    assert not page.all("section", "table", "figure") and "Results" not in page.text


def test_build__hostile_names_stay_names(content):
    case = CaseRow(
        case=HOSTILE, regions={HOSTILE: {"dice": 0.5, "hd95_mm": 2.0}}, mean=0.5, sizes={HOSTILE: (1.0, 2.0)}
    )
    result = ResultSet(
        name=HOSTILE,
        note=HOSTILE,
        overall={"dice": Estimate(mean=0.5), HOSTILE: Estimate(mean=0.5)},
        regions=(RegionRow(region=HOSTILE, metrics={"dice": Estimate(mean=0.5)}),),
        cases=(case,),
    )
    page = build(
        dataclasses.replace(
            content,
            title=HOSTILE,
            summary=(HOSTILE,),
            limits=(HOSTILE,),
            region_names=(HOSTILE,),
            results=(result,),
            pictures=(
                dataclasses.replace(content.pictures[0], case=HOSTILE, facts=(Fact(name=HOSTILE, value=HOSTILE),)),
            ),
            dataset=DatasetPart(stated=HOSTILE, findings=(Finding(severity="error", code=HOSTILE, case=HOSTILE),)),
            plan=(PlanRow(group=HOSTILE, name=HOSTILE, value=HOSTILE, reason=HOSTILE),),
            provenance=Provenance(command=HOSTILE),
        )
    )
    assert "<script" not in page and "</script" not in page
    parsed = Page(page)
    assert not parsed.all("script") and parsed.text.count(HOSTILE) >= 15


def test_build__pixels_are_never_called_millimetres():
    page = Page(build(sample(make_cases(6, pixels=True))))
    results = page.text[page.text.index("Results") :]
    assert "HD95 (px)" in results and "Predicted size, px" in results and "patient’s right" not in results
    assert "(mm)" not in page.text and "(ml)" not in page.text


def test_build__folds_have_a_legend_and_one_panel_each_course(content):
    part = training_part(np.random.default_rng(0), folds=5, steps=200)
    page = Page(build(bare(training=part)))
    assert "Fold 4" in page.text and len(page.all("svg")) == 3


def test_build__test_split_beside_cross_validation(content):
    two = (content.results[0], dataclasses.replace(content.results[0], name="Test split"))
    page = Page(build(dataclasses.replace(content, results=two)))
    assert "Test split" in page.text and "All 8 cases, Test split" in page.text


def test_build__test_split_in_the_head_beside_cross_validation(content):
    first = dataclasses.replace(content.headline, name="Cross-validation", num_patients=43)
    estimate = Estimate(mean=0.7123, low=0.5, high=0.8, n=11, n_defined=11)
    test = Headline(
        metric="dice", estimate=estimate, num_cases=11, num_patients=10, scope="set apart by the data set", name="Test split"
    )  # fmt: skip
    text = Page(build(dataclasses.replace(content, headline=first, beside=(test,)))).text
    head = text[: text.index("For research use only")]
    assert head.count("Measured on") == head.count("95% CI") == 2
    assert head.index("Cross-validation, mean Dice") < head.index(
        "Test split, mean Dice 0.712 95% CI 0.500–0.800 Cases 11"
    )
    assert "set apart by the data set" in head
    alone = Page(build(dataclasses.replace(content, headline=first))).text
    assert "Mean Dice" in alone and "Cross-validation" not in alone


def test_build__whether_the_packages_own_test_holds():
    """New data beside each set that the package was tested on, with the difference where there is one."""
    new, known = Estimate(mean=0.7, low=0.6, high=0.8), Estimate(mean=0.9, low=0.85, high=0.95)
    rows = (
        HeldRow(part="", metric="auroc", new=new, known=(known, None), differences=(Estimate(mean=-0.2), None)),
        HeldRow(part="cyst", metric="mae", new=new, known=(None, known), differences=(None, Estimate(mean=0.123))),
    )
    page = Page(build(bare(genre="evaluation", held=HeldPart(names=("Cross-validation", "Test split"), rows=rows))))
    head, table = page.text.split("Measures on the new data")
    assert "Segmentation evaluation" in head and "a difference is of data and model together" in head
    assert "Measure New data Cross-validation Difference Test split Difference" in table
    assert "AUROC ↑ 0.700 0.600–0.800 0.900 0.850–0.950 −0.200 – –" in table
    assert table.index("cyst") < table.index("0.1230")


def test_build__a_mean_over_fewer_cases_than_were_judged_says_so():
    def head(defined: int) -> str:
        estimate = Estimate(mean=0.562, low=0.4, high=0.7, n=28, n_defined=defined)
        headline = Headline(metric="dice", estimate=estimate, num_cases=28, num_patients=28, scope="here")
        return Page(build(bare(headline=headline))).text

    assert "0.562 over 24 of 28 cases; not defined in the others 95% CI" in head(24)
    assert "not defined" not in head(28)


def test_build__limits_of_agreement_need_patients(content, html):
    """Eight cases are of four patients; then of eight."""
    result, words, dashed = content.results[0], "Limits of fewer than 5 patients are not drawn.", "stroke-dasharray"
    own = dataclasses.replace(result, cases=[dataclasses.replace(case, patient=case.case) for case in result.cases])
    enough = build(dataclasses.replace(content, results=(own,)))
    assert words in html and words not in enough
    assert enough.count(dashed) == html.count(dashed) + 2 * len(result.regions)


def test_build__cases_without_the_region_are_drawn_nowhere_and_said(content):
    words = "the tables count them, with a difference of 0"
    result = content.results[0]
    region = next(iter(result.cases[0].sizes))
    absent = dataclasses.replace(result.cases[0], sizes={**result.cases[0].sizes, region: (0.0, 0.0)})
    changed = dataclasses.replace(result, cases=(absent, *result.cases[1:]))
    assert words in build(dataclasses.replace(content, results=(changed,)))
    assert words not in build(content)


def test_style__tables_that_go_on_beyond_the_edge_show_it():
    rule = CSS[CSS.index("\n.scroll {") :]
    assert rule[: rule.index("}")].count("local") == rule[: rule.index("}")].count("var(--shade)") == 2


@pytest.mark.parametrize(
    ("patients", "scored", "interval", "words"),
    [
        (43, None, True, "95% CI 0.600–0.800 Cases"),
        (10, None, True, "95% CI 0.600–0.800 Cases"),
        (9, None, True, "95% CI 0.600–0.800 9 patients only: the interval is rough"),
        (12, 6, True, "95% CI 0.600–0.800 6 patients only: the interval is rough"),
        (5, None, True, "95% CI 0.600–0.800 5 patients only: the interval is rough"),
        (3, None, False, "0.700 n = 3 patients, too few for an interval"),
        (12, 1, False, "0.700 n = 1 patient, too few for an interval"),
        (None, None, False, "0.700 Cases"),
    ],
)
def test_build__how_sure_stands_beside_the_number(patients, scored, interval, words):
    low, high = (0.6, 0.8) if interval else (None, None)
    headline = Headline(
        metric="dice",
        estimate=Estimate(mean=0.7, low=low, high=high, n=12, n_defined=12),
        num_cases=12,
        num_patients=patients,
        num_scored=scored,
        scope="here",
    )
    assert words in Page(build(bare(headline=headline))).text


def test_build__tables_without_intervals_say_why():
    sure = {"dice": Estimate(mean=0.7, low=0.6, high=0.8, n=9, n_defined=9)}
    assert "No interval" not in Page(build(bare(results=(ResultSet(name="R", overall=sure),)))).text
    one = {"dice": Estimate(mean=0.7, n=3, n_defined=3), "hd95_mm": Estimate(mean=None, n=3)}
    result = ResultSet(name="R", overall=one, regions=(RegionRow(region="a", metrics=one),))
    text = Page(build(bare(results=(result,)))).text
    assert "No interval is given where fewer than 5 patients have a value." in text
    nothing = {"dice": Estimate(mean=None, n=3)}
    assert "No interval" not in Page(build(bare(results=(ResultSet(name="R", overall=nothing),)))).text


def test_build__surface_dice_says_its_tolerance(content):
    heads = [text for text in Page(build(content)).words if "Surface Dice" in text]
    assert heads and all("at\N{NO-BREAK SPACE}1.5\N{NO-BREAK SPACE}mm" in text for text in heads)
    both = {name: Estimate(mean=0.9, low=0.8, high=1.0) for name in ("nsd", "nsd_voxel")}
    page = Page(build(bare(unit="px", tolerance=2.0, results=(ResultSet(name="R", overall=both),))))
    assert page.text.count("at 2 px") == 2


def test_build__missed_structures_are_said(content):
    assert "posterior missed in 1 of 8 cases that have it." in Page(build(content)).text
    result = dataclasses.replace(content.results[0], failures="")
    assert "Missed or invented" not in Page(build(dataclasses.replace(content, results=(result,)))).text


def test_build__errors_of_large_and_small_quantities_have_digits_that_count():
    large, small = Estimate(mean=-51.386, low=-168.79, high=60.62), Estimate(mean=0.00346)
    found = {"bias": large, "mae": small, "r2": Estimate(mean=0.8, low=0.7, high=0.9)}
    text = Page(build(bare(results=(ResultSet(name="R", overall=found, of_each_case=False),)))).text
    assert "−51.4 −168.8 … 60.6 0.003460 0.800 0.700–0.900" in text


@pytest.mark.parametrize("number", [6, 7])
def test_build__tables_of_many_columns_are_set_closer(number):
    found = {f"score{k}": Estimate(mean=0.5, low=0.4, high=0.6) for k in range(number)}
    page = Page(build(bare(results=(ResultSet(name="R", overall=found),))))
    assert [table["class"] for table in page.all("table")] == ["results wide" if number > 6 else "results"]
    paper = CSS[CSS.index("@media print") :]
    assert ".num, .ci { white-space: normal; }" in paper and ".wide .ci { white-space: normal; }" in CSS


def test_build__a_calibration_error_has_no_interval_for_its_own_reason():
    sure = Estimate(mean=0.7, low=0.6, high=0.8, n=90, n_defined=90)
    found = {"auroc": sure, "ece": Estimate(mean=0.1, n=90, n_defined=90)}
    text = Page(build(bare(results=(ResultSet(name="R", overall=found, of_each_case=False),)))).text
    assert "ECE has none" in text and "No interval is given where fewer" not in text
    assert "ECE" not in Page(build(bare(results=(ResultSet(name="R", overall={"auroc": sure}),)))).text


def test_build__limits_of_agreement_have_no_arrow():
    found = {name: Estimate(mean=0.5, low=0.4, high=0.6) for name in ("mae", "r2", "bias", "loa_low", "loa_high")}
    text = Page(build(bare(results=(ResultSet(name="R", overall=found, of_each_case=False),)))).text
    head = text[text.index("MAE") : text.index("All regions")]
    assert "MAE ↓ R² ↑ Bias → 0" in head
    assert head.rstrip().endswith("Lower limit of agreement Upper limit of agreement")


def test_build__differences_say_what_the_interval_and_p_are_of():
    value = Estimate(mean=-0.08, low=-0.155, high=-0.007, n=40, n_defined=40)
    rows = (
        ModelRow(name="a", title="A", estimate=value, seconds=1.0, chosen=True),
        ModelRow(
            name="b", title="B", estimate=value, seconds=1.0, chosen=False,
            differences=(Difference(metric="auroc", estimate=value, p=0.285),),
        ),
    )  # fmt: skip
    part = ModelsPart(metric="auroc", models=rows)
    text = Page(build(bare(models=part, ablations=(part,)))).text
    assert text.count("The 95% interval is of each difference alone; p is paired by patient and corrected") == 2


def sized(**medians: float) -> ReportContent:
    """Three cases with sizes: the median of each region, and a little off it."""
    cases = tuple(
        CaseRow(
            case=f"c{k}",
            regions={name: {"dice": 0.9} for name in medians},
            sizes={name: (size * factor, size) for name, size in medians.items()},
        )
        for k, factor in enumerate((0.9, 1.0, 1.2))
    )
    return bare(region_names=tuple(medians), results=(ResultSet(name="R", overall={}, cases=cases),))


def agreements(page: Page) -> list[str]:
    """What the panels of agreement show, by their labels."""
    return [plot["aria-label"] for plot in page.all("svg") if "reference" in plot["aria-label"]]


def test_build__limits_of_agreement_are_of_one_region_each():
    page = Page(build(sized(liver=1500.0, spleen=200.0)))
    assert agreements(page) == [
        "Predicted size, ml / reference, ml",
        "liver: Predicted less reference, ml / mean of the two, ml",
        "spleen: Predicted less reference, ml / mean of the two, ml",
    ]
    assert (
        "for each region by itself" in page.text and "left out" not in page.text and "Without limits" not in page.text
    )


def test_build__limits_of_agreement_of_the_largest_and_what_is_left_out():
    page = Page(build(sized(a=1.0, b=50.0, c=40.0, d=2.0, e=30.0, f=20.0)))
    assert [label[0] for label in agreements(page)[1:]] == ["b", "c", "e", "f"]
    assert "for the 4 largest regions" in page.text and "Without limits here: a, d." in page.text
    many = Page(build(sized(**{f"r{k:02d}": 1.0 + k for k in range(20)})))
    assert [label[:3] for label in agreements(many)[1:]] == ["r16", "r17", "r18", "r19"]
    assert "The 16 smaller regions are left out." in many.text


def test_build__regions_on_neither_side_do_not_agree():
    """A case without the structure, and without it in the prediction, is no pair of sizes; one where it was missed is."""
    sizes = [(1.0, 1.5), (2.0, 2.0), (3.0, 0.0), (0.0, 0.0)]
    cases = tuple(
        CaseRow(case=f"c{k}", regions={"a": {"dice": 0.9}}, sizes={"a": size}) for k, size in enumerate(sizes)
    )
    html = build(bare(region_names=("a",), results=(ResultSet(name="R", overall={}, cases=cases),)))
    assert [html.count(f"<title>c{k}: ") for k in range(4)] == [3, 3, 3, 1]
    nowhere = tuple(dataclasses.replace(case, sizes={"a": (0.0, 0.0)}) for case in cases)
    page = Page(build(bare(region_names=("a",), results=(ResultSet(name="R", overall={}, cases=nowhere),))))
    assert not agreements(page) and "Agreement" not in page.text


def test_build__many_regions_keep_to_the_worst_and_to_the_mean():
    names = [f"structure {number:03d}" for number in range(100)]
    scores = {name: {"dice": number / 100} for number, name in enumerate(names)}
    cases = tuple(CaseRow(case=f"c{k}", regions=scores, mean=0.5) for k in range(3))
    page = build(bare(region_names=tuple(names), results=(ResultSet(name="R", overall={}, cases=cases),)))
    parsed = Page(page)
    plots = [plot["aria-label"] for plot in parsed.all("svg")]
    assert len(plots) == 1 and "structure 023" in plots[0] and "structure 024" not in plots[0]
    assert 'scope="col" class="num">structure' not in page


def test_words__every_measure_of_the_evaluation_has_a_name():
    from scanwright.report.notation import metric

    stems = {metric(name).stem for unit in ("mm", "px") for name in describe_measures(unit)}
    assert stems <= set(WORDS["metrics"])


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two "#rrggbb" colours."""

    def luminance(colour: str) -> float:
        channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast__by_hand():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_style__letters_stand_out_in_both_themes():
    themes = [
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.S)[:2]
    ]
    assert len(themes) == 2
    for theme in themes:
        for name in ("ink", "muted", "accent", "error", "warning"):
            for ground in ("paper", "wash"):
                assert contrast(theme[name], theme[ground]) >= 4.5, (name, ground)


@pytest.mark.data
def test_build__real_scans(data_folder):
    html = build(sample(read_hippocampus(data_folder / "hippocampus_mri", 6)))
    Page(html)
    assert len(html) < 4_000_000


def test_checks__that_labels_were_not_doubted_is_said_with_the_command_that_does(content: ReportContent) -> None:
    assert "Labels were not doubted here: scanwright inspect DATA" in " ".join(Page(build(content)).text.split())
