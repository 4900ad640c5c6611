"""The study report: everything that is known is on the page, in every language, and a site may change its looks."""

import io
import json
import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from importlib import resources
from typing import get_args

import pytest
from PIL import Image

from scanwright.dataset.task import Kind
from scanwright.doubt import Doubt
from scanwright.errors import InputError, UsageError
from scanwright.findings.follow_up import GROWN, PROGRESSION_MM, SHRUNK, Change, follow_up
from scanwright.findings.table import FindingRow, RegionRow, StudyTable
from scanwright.report.model_facts import FoundInTest, HowTested, ImagesTold, ModelFacts
from scanwright.report.study import build_study, percent, person, require_words, signed_percent, study_pdf
from scanwright.report.study_content import (
    MOST_FINDINGS,
    PRECEDENCE,
    FindingLine,
    KeyImage,
    Shows,
    StudyContent,
    finding_lines,
    region_lines,
    worth_a_picture,
)
from scanwright.report.study_words import LANGUAGES, words_of_study

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8ffff3f0005fe02fea135810b"
    "0000000049454e44ae426082"
)
MODEL = ModelFacts(
    name="chest",
    version="1.2",
    digest="ab" * 32,
    kind="segmentation",
    parts=("left lung", "nodule"),
    tested_on=(
        HowTested(how="apart", cases=1, patients=1, metric="dice", value=0.87),
        HowTested(how="folds", cases=120, patients=98, metric="dice", value=0.91, interval=(0.88, 0.93)),
    ),
)
POOR = Doubt("prior-fits-poorly", "the prior study fits poorly")
FAR = Doubt(
    "far-from-learned",
    "{name} {value:.4g} far from {center}, {deviation}",
    name="age",
    value=91.0,
    center=40.0,
    deviation=10.0,
)


def finding(number, *, region="left lung", center=(0.0, 0.0, 0.0), longest=20.0, **more):
    values = {
        "number": number, "kind": "nodule", "size": 3.0, "longest": longest, "perpendicular": 12.0, "slice_index": 4,
        "center": center, "mean": 31.4, "deviation": 9.0, "low": 0.0, "high": 80.0,
        "shares": {region: 1.0} if region else {}, "region": region,
        "share_of_region": 0.02 if region else None, "confidence": 0.82, "touches": (), "cut": False,
    }  # fmt: skip
    return FindingRow(**(values | more))


def content(**more):
    now = [
        finding(1, shares={"left lung": 0.7, "right lung": 0.3}),
        finding(2, region="", center=(90, 0, 0), touches=(1,), cut=True),
    ]
    before = [finding(1, longest=14.0), finding(2, center=(0, 200, 0), longest=8.0)]
    table = StudyTable(
        (
            RegionRow(name="left lung", size=1200.5, burden=0.02, cut=True),
            RegionRow(name="heart", size=0, burden=None, cut=False),
        ),
        tuple(now),
        "ml",
        "mm",
    )
    values = {
        "title": "CT <chest>",
        "created": datetime(2026, 11, 28, 19, 0, tzinfo=UTC),
        "model": MODEL,
        "study": {"modality": "CT"},
        "images": (
            KeyImage(png=PNG, shows="outlines", legend=(("nodule", "#e69f00"),), window=(-1350.0, 150.0)),
            KeyImage(png=PNG, finding=1, caption="left lung"),
        ),
        "regions": region_lines(table.regions),
        "findings": finding_lines(table, follow_up(now, before)),
        "has_regions": True,
        "looks_for_findings": True,
        "warnings": ("grey values are unlike",),
        "unit_of_value": "HU",
    }
    return StudyContent(**(values | more))


def text(page):
    return " ".join(unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.S)).split())


def test_page__says_all_that_is_known():
    said = text(build_study(content()))
    for part in (
        "CT <chest>", "Modality CT", "research use only", "Not found in the image: heart", "grey values are unlike",
        "left lung reaches into right lung", "20.0 × 12.0", "31.4 ± 9.0", "HU", "82 %", "3.00 ±0 % 20.0",
        "grown +43 % before 14.0 mm, 3.00 ml",
        "outside all regions", "touches 1", "cut by the image's border", "new", "resolved before 8.0 mm, 3.00 ml",
        "1200.5", "not found",
        "chest · Scanwright 1.2 · segmentation: left lung, nodule", "SHA-256 " + "ab" * 32,
        "tested on what was set apart from the start (cases: 1, patients: 1): mean Dice 0.870",
        "tested by cross-validation (cases: 120, patients: 98): mean Dice 0.910 (95 % CI 0.880–0.930)",
        "≥ 1200.5", "Volume ml", "Outlines of what was found W 1500 L −600 nodule", "Finding 1 left lung",
    ):  # fmt: skip
        assert part in said, part
    assert "Patient" not in said and "Born" not in said  # only if it was asked for
    assert "Patient DOE" in text(build_study(content(patient={"name": "DOE"})))


def followed(now, before, **more):
    """The words of a page on these findings, in both languages, and its lines."""
    table = StudyTable((), tuple(now), "ml", "mm")
    lines = finding_lines(table, follow_up(now, before, **more))
    return lines, *(text(build_study(content(findings=lines), language=language)) for language in ("en", "zh"))


def test_page__of_what_has_merged_or_split_tells_sums():
    two = [finding(1, longest=9.0, size=0.4), finding(2, longest=9.5, center=(10, 0, 0), size=0.5)]
    one = [finding(1, longest=25.0, center=(5, 0, 0), size=4.5)]
    (line,), said, chinese = followed(one, two)
    assert "merged +35 % before 9.0 + 9.5 mm, 0.90 ml" in said and "4.50 +400 %" in said
    assert "融合 +35 % 前次 9.0 + 9.5 mm、 0.90 ml" in chinese
    assert (line.before, line.diameters_before, line.parts) == (18.5, (9.0, 9.5), ())
    lines, said, chinese = followed(two, one)
    assert (
        said.count("split −26 % before 25.0 mm, 4.50 ml together 18.5 mm") == 2
        and "分裂" in chinese
        and "合计" in chinese
    )
    assert [line.parts for line in lines] == [(1, 2), (1, 2)] and lines[0].together == 18.5
    assert "0.40 9.0 × 12.0" in said  # a part's size beside that of the whole is no change


def test_page__says_why_no_change_is_told():
    now, before = [finding(1, longest=20.7)], [finding(1, longest=14.8, size=1.5)]
    (line,), said, chinese = followed(now, before, voxels=(4.6, 4.1))
    assert "change within measurement error before 14.8 mm, 1.50 ml ± 8.7 mm" in said and "变化在测量误差内" in chinese
    assert "stable" not in said.replace("Stable: neither", "")
    assert "+40 %" not in said and "+100 %" not in said and line.error == pytest.approx(8.7)
    (line,), said, _ = followed(now, [replace(before[0], cut=True)])
    assert "cut, growth not known before ≥ 14.8 mm, ≥ 1.50 ml" in said and line.cut_before
    _, said, chinese = followed(now, [finding(1, center=(99, 0, 0))], covered=([False], [False]))
    assert "not wholly covered by the prior study" in said and "not wholly covered by this study" in said
    assert "前次检查未完整覆盖" in chinese and "本次检查未完整覆盖" in chinese


def test_page__a_small_nodule_that_doubles_has_grown_and_less_than_recist_asks_for():
    """Nobody follows up what is "stable"."""
    now, before = [finding(1, longest=9.4, size=0.476)], [finding(1, longest=4.5, size=0.052)]
    (line,), said, chinese = followed(now, before, voxels=(0.7, 0.7))
    assert "0.48 +815 % 9.4" in said and "grown +109 % +4.9 mm, below RECIST's 5 mm before 4.5 mm, 0.052 ml" in said
    assert "增大 +109 % +4.9 mm，未达 RECIST 的 5 mm 前次 4.5 mm" in chinese and line.is_little
    _, said, _ = followed([finding(1, longest=26.0)], [finding(1, longest=20.0)])
    assert "grown +30 % before" in said


def test_page__says_where_it_is_the_volume_that_has_grown():
    (line,), said, chinese = followed([finding(1, size=6.0)], [finding(1)])
    assert "grown +100 % in volume 0.0 mm, below" in said and "增大 体积 +100 %" in chinese and line.by_volume


def test_page__says_whose_the_measurement_error_is():
    """A difference of 2.5 mm is not within ± 1.4 mm: the volume decided, by slices of 5 mm."""
    now, before = [finding(1, longest=20.0, size=4.0)], [finding(1, longest=17.5, size=2.2)]
    (line,), said, chinese = followed(now, before, voxels=(0.7, 0.7), longest_edges=(5.0, 5.0))
    assert "within measurement error" in said and "by volume; a ball as large: ± 10.0 mm in diameter" in said
    assert "等体积球直径 ± 10.0 mm" in chinese and "± 1.4" not in said and line.error == 10.0


@pytest.mark.parametrize("language", LANGUAGES)
def test_page__prints_the_rule_by_which_changes_are_told(language):
    rule = words_of_study(language)["rule"]
    ball = [100 * ((1 + change) ** 3 - 1) for change in (GROWN, SHRUNK)]
    for part in (
        *map(signed_percent, (GROWN, SHRUNK)),
        f"+{ball[0]:.0f} %",
        f"−{-ball[1]:.0f} %",
        f"{PROGRESSION_MM:.0f} mm",
    ):
        assert part in rule
    assert rule in text(build_study(content(), language=language))
    alone = tuple(replace(one, change=None) for one in content().findings)
    assert rule not in text(build_study(content(findings=alone), language=language))


def test_page__a_region_of_the_prior_study_is_told_as_one_of_now():
    """Cut by the border it is a part of what was there, and one that was not found has no size."""
    names = ("lung", "heart", "spleen")
    now = [RegionRow(name=name, size=50.0, burden=0.0, cut=False) for name in names]
    sizes = {"lung": (40.5, True), "heart": (0, False), "spleen": (30.5, False)}
    before = [RegionRow(name=name, size=size, burden=None, cut=cut) for name, (size, cut) in sizes.items()]
    page = build_study(content(regions=region_lines(now, before), findings=()))
    assert "lung 50.0 ≥ 40.5 0.0 %" in text(page) and "spleen 50.0 30.5" in text(page)
    assert "heart 50.0 not found 0.0 %" in text(page) and "≥ cut by the image's border" in text(page)


def test_words__every_change_has_one():
    assert all(set(words_of_study(language)["changes"]) == set(get_args(Change)) for language in LANGUAGES)
    assert set(PRECEDENCE) == set(get_args(Change))


def test_page__stands_by_itself_and_names_are_names():
    page = build_study(content(title='<script>alert("x")</script>'))
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert not re.search(r'(?:src|href)="(?!data:)', page) and "default-src 'none'" in page


def test_page__of_every_language_has_every_word():
    own = [words_of_study(language) for language in LANGUAGES]
    assert all(set(words) == set(own[0]) for words in own)
    several = [name for name, word in own[0].items() if isinstance(word, dict)]
    assert all(set(words[name]) == set(own[0][name]) for words in own for name in several)
    assert set(own[0]["kinds"]) == set(get_args(Kind)) and set(own[0]["pictures"]) == set(get_args(Shows))
    page = build_study(content(), language="zh")
    assert 'lang="zh"' in page and "仅供研究使用" in page and "增大" in page
    said = text(page)
    assert "分割：left lung、nodule · 经预先留出的 1 例（1 名患者）测试：平均 Dice 系数 0.870 ·" in said
    assert "经 120 例（98 名患者）交叉验证测试：平均 Dice 系数 0.910 （95% 置信区间 0.880–0.930）" in said
    assert "窗宽 1500 窗位 −600" in said and "体积 ml" in said
    with pytest.raises(UsageError, match="language without words"):
        build_study(content(), language="xx")


def test_page__nothing_found_is_no_proof():
    said = text(build_study(content(findings=(), warnings=())))
    assert "Nothing was found in any region. That is no proof" in said and "Diameters" not in said
    alone = content(findings=(), regions=(), has_regions=False)
    assert "Findings No finding was marked. That is no proof that nothing is there." in text(build_study(alone))
    assert "检出结果 未标出任何病灶。" in text(build_study(alone, language="zh"))
    anatomy = text(build_study(content(findings=(), looks_for_findings=False)))
    assert "no proof" not in anatomy and "Findings left" not in anatomy  # a model that knows no findings looks for none


def model_that(**found):
    """A model that looks for findings, by how well it found them on a test of 3 cases."""
    findings = FoundInTest(**found)
    return replace(MODEL, tested_on=(HowTested(how="fold", cases=3, patients=3, metric="dice", findings=findings),))


def test_page__nothing_found_by_a_model_that_misses_most_says_so():
    blind = model_that(true=8, hits=0, sensitivity=0.0, sensitivity_interval=(0, 0.324), false=0, false_per_case=0.25)
    page = build_study(content(model=blind, findings=()))
    said = text(page)
    assert "nothing is there. When it was tested, the model found 0 of 8 true findings." in said
    assert '<p class="bad">When it was tested' in page
    assert "mean Dice not defined by these cases; 0 of 8 true findings found, sensitivity 0.000 (95 % CI 0.000" in said
    assert "; false findings per case 0.25" in said
    said = text(build_study(content(model=blind, findings=()), language="zh"))
    assert "测试中，该模型检出了 8 个真实病灶中的 0 个。" in said and "敏感度 0.000" in said
    cells = replace(blind, kind="detection")
    assert "8 个真实目标中的 0 个" in text(build_study(content(model=cells, findings=()), language="zh"))
    good = model_that(true=8, hits=4, sensitivity=0.5, false=0, false_per_case=0.0)
    page = build_study(content(model=good, findings=()))
    assert '<p class="soft">When it was tested, the model found 4 of 8 true findings.' in page
    assert "When it was tested" not in text(build_study(content(model=good)))
    unknown = build_study(content(model=model_that(true=0, hits=0, false=3, false_per_case=1.0), findings=()))
    assert "found 0 of 0" not in text(unknown) and "sensitivity" not in text(unknown)


def test_page__a_small_finding_has_a_size():
    lines = (FindingLine(number=1, kind="nodule", size=0.0031, size_before=0.0042, before=2.0, change="stable"),)
    regions = region_lines((RegionRow(name="bleb", size=0.0412, burden=None, cut=False),))
    said = text(build_study(content(findings=lines, regions=regions)))
    assert "nodule outside all regions 0.0031 " in said and "0.0042 ml" in said and "bleb 0.041" in said
    pixels = content(findings=lines, regions=regions, unit_of_size="px")
    assert "nodule outside all regions 0 " in text(build_study(pixels))


def test_model__is_known_by_its_test_with_most_findings():
    few, many = (
        FoundInTest(true=1, hits=0, false=0, false_per_case=0),
        FoundInTest(true=90, hits=60, false=61, false_per_case=1),
    )
    each = [HowTested(how="fold", cases=9, patients=9, metric="dice", findings=one) for one in (few, many)]
    best = replace(MODEL, tested_on=tuple(each)).found_in_test
    assert best == many and not best.misses_most and best.marks_mostly_false and few.misses_most
    assert MODEL.found_in_test is None is MODEL.images_in_test
    apart = [replace(each[0], how="apart", findings=replace(few, true=true)) for true in (19, 20)]
    led_by = [replace(MODEL, tested_on=(one, each[1])).test_of_findings for one in apart]
    assert led_by == [each[1], apart[1]]  # set apart, if enough lay there to be found
    assert not few.marks_mostly_false and not replace(many, false=60).marks_mostly_false


IMAGES = ImagesTold(
    abnormal=98, told_abnormal=24, normal=50, told_normal=48, sensitivity=24 / 98, sensitivity_interval=(0.17, 0.339),
    specificity=0.96,
)  # fmt: skip


def test_page__of_anomaly_says_beside_the_result_how_images_were_told_in_the_test():
    tested = HowTested(how="fold", cases=148, patients=148, metric="auroc", value=0.72, images=IMAGES)
    told = {"": "normal", "normal": "0.61", "abnormal": "0.39"}
    one = content(findings=(), regions=(), answers=told, model=replace(MODEL, kind="anomaly", tested_on=(tested,)))
    page = build_study(one)
    said = "of 98 abnormal test images 24 were told as abnormal, sensitivity 0.245 (95 % CI 0.170–0.339)"
    other = "of 50 normal test images 48 were not, specificity 0.960"
    assert f'Score of abnormality</span> <b>0.39</b></li><li class="bad">{said}</li><li>{other}</li>' in page
    assert f"AUROC 0.720; {said}; {other}" in text(page)
    seeing = replace(tested, images=replace(IMAGES, told_abnormal=49))
    assert 'class="bad"' not in build_study(replace(one, model=replace(one.model, tested_on=(seeing,))))
    chinese = build_study(one, language="zh")
    assert '<li class="bad">98 例异常测试图像中有 24 例判为异常，敏感度 0.245' in chinese
    assert "50 例正常测试图像中有 48 例未判为异常，特异度 0.960" in chinese


def test_page__says_what_a_confidence_is_and_what_a_size_holds():
    told = content(with_findings=True)
    said = text(build_study(told))
    assert "mean probability of the finding's voxels. It is not the chance" in said
    assert "≥ cut by the image's border · Sizes include the findings inside" in said
    assert "Sizes include" not in text(build_study(content()))
    said = text(build_study(told, language="zh"))
    assert "并非病灶真实存在的概率" in said and "· 区域大小包含其内病灶" in said
    boxes = content(
        findings=(FindingLine(number=1, kind="cell", confidence=0.5),), model=replace(MODEL, kind="detection")
    )
    assert "the model's score of the box" in text(build_study(boxes))
    unsure = text(build_study(content(findings=(FindingLine(number=1, kind="cell"),))))
    assert "Confidence:" not in unsure


def test_page__things_that_are_detected_are_no_lesions():
    detector = replace(MODEL, kind="detection")
    cells = content(images=(), findings=(), regions=(), has_regions=False, model=detector)
    assert "Nothing was detected. That is no proof" in text(build_study(cells))
    said = text(build_study(cells, language="zh"))
    assert "未检出任何目标" in said and "病灶" not in said and "病变" not in said


def test_page__a_patient_is_named_as_people_write_it():
    assert "Patient Doe, Jane ID 7^8" in text(build_study(content(patient={"name": "Doe^Jane", "id": "7^8"})))
    assert content(patient={"name": "Doe^Jane"}).to_json()["patient"]["name"] == "Doe^Jane"
    assert person("^^") == "" and person("=王^小東") == "王小東"


def test_page__slices_are_named():
    said = text(build_study(content()))
    assert "20.0 × 12.0 slice 5" in said  # the place 4 along the third axis; of a volume, whose sizes are in ml
    box = FindingLine(number=1, kind="cell", longest=9.0, perpendicular=7.0, slices=(12, 16))
    deep = replace(box, depth=25.0)
    assert "9.0 × 7.0 × 25.0 slice 12–16" in text(build_study(content(findings=(deep,))))
    assert "9.0 × 7.0 slice 12–16" in text(build_study(content(findings=(box,))))
    flat = StudyTable((), (finding(1),), "mm²", "mm")
    assert finding_lines(flat)[0].slices is None
    sagittal = StudyTable((), (finding(1, slice_axis=0),), "ml", "mm")
    (line,) = finding_lines(sagittal)
    assert "slice 5 (axis 1)" in text(build_study(content(findings=(line,)))) and line.numbered(range(9)) == line


def test_page__images_are_named_by_the_numbers_of_the_scanner():
    numbers = range(286, 266, -1)  # the first slice of the file is image 286
    lines = (
        finding_lines(StudyTable((), (finding(1),), "ml", "mm"))[0],
        FindingLine(number=2, kind="cell", slices=(3, 6)),
    )
    numbered = tuple(line.numbered(numbers) for line in lines)
    assert [line.image_numbers for line in numbered] == [(282, 282), (281, 284)]
    said = text(build_study(content(findings=numbered)))
    assert "20.0 × 12.0 image 282 " in said and "image 281–284" in said and "slice" not in said
    assert "图像 281–284" in text(build_study(content(findings=numbered), language="zh"))
    assert content(findings=numbered).to_json()["findings"][0]["image_numbers"] == (282, 282)


@pytest.mark.parametrize(
    ("mean", "deviation", "said"),
    [
        (0.5, 0.3, "0.50 ± 0.30"),
        (-612.3, 148.7, "−612 ± 149"),
        (2.41, 1.2, "2.4 ± 1.2"),
        (0.0008, 0.0002, "0.00080 ± 0.00020"),
        (40.0, 0.0, "40 ± 0"),
        (0.0, 0.0, "0.0 ± 0.0"),
    ],
)
def test_page__grey_values_have_the_digits_of_their_spread(mean, deviation, said):
    line = FindingLine(number=1, kind="nodule", size=1.0, mean=mean, deviation=deviation)
    assert said in text(build_study(content(findings=(line,))))


def test_page__what_became_of_the_prior_findings_is_not_cut_before_what_is_small_and_stable():
    small = [FindingLine(number=n, kind="n", longest=20.0 - n, before=20.0 - n, change="stable") for n in range(1, 15)]
    small[13] = replace(small[13], change="grown", before=1.0)
    gone = FindingLine(number=None, kind="mass", change="resolved", before=35.0)
    shown = content(findings=(*small, gone)).shown
    assert [one.number for one in shown] == [*range(1, 11), 14, None]
    mass = replace(small[0], longest=90.0, before=90.0)
    fresh = [FindingLine(number=n, kind="n", longest=5.0, change="new") for n in range(2, 20)]
    assert content(findings=(mass, *fresh)).shown[0] == mass  # the largest has a row whatever became of it


def test_page__what_has_changed_comes_before_what_is_large_and_stable():
    lines = [FindingLine(number=n, kind="n", longest=40.0 - n, change="stable") for n in range(1, 13)]
    grown = [FindingLine(number=n, kind="n", longest=5.0, change="grown", growth=1.0) for n in range(13, 22)]
    full = content(findings=(*lines, *grown))
    assert [one.number for one in full.shown] == [1, 2, 3, *range(13, 22)] and full.changed_beyond == {}
    more = content(findings=(*lines, *grown, *(replace(one, change="new", growth=None) for one in grown[:2])))
    assert more.changed_beyond == {"new": 2}
    for language, said in (("en", "beside this page. Among them: new 2"), ("zh", "其中：新发 2")):
        assert said in text(build_study(more, language=language))
    assert "Among them" not in text(build_study(full))


def test_worth_a_picture__what_has_changed_then_the_largest():
    sizes = [FindingLine(number=n, kind="n", longest=20.0 - n) for n in range(1, 8)]
    assert worth_a_picture(sizes) == (1, 2, 3, 4)
    changes = {2: "shrunk", 5: "new", 7: "grown"}
    changed = [replace(one, change=changes.get(one.number, "stable")) for one in sizes]
    gone = FindingLine(number=None, kind="n", change="resolved", before=40.0)
    assert worth_a_picture([*changed, gone]) == (1, 2, 5, 7) and worth_a_picture([gone]) == ()


def test_worth_a_picture__of_those_with_a_row_alone():
    lines = [
        FindingLine(number=n, kind="n", longest=5.0 + n) for n in range(1, MOST_FINDINGS + 5)
    ]  # by size: thin ones last
    shown = [one.number for one in content(findings=tuple(lines)).shown]
    assert worth_a_picture(lines) == (9, 10, 11, 12) and shown == [*range(1, 13)]


@pytest.mark.parametrize(
    ("days", "said"),
    [(0, "same day"), (1, "1 day before"), (45, "45 days before"), (365, "12 months before"), (None, None), (-3, None)],
)
def test_page__says_how_long_before_the_prior_study_was(days, said):
    page = text(build_study(content(prior={"modality": "CT"}, days_since_prior=days)))
    assert ("before" in page.partition("For research")[0] or "same day" in page) == (said is not None)
    assert said is None or f"Prior study Modality CT {said}" in page


def test_page__doubts_come_before_what_was_not_found():
    said = text(build_study(content()))
    assert said.index("grey values are unlike") < said.index("Not found in the image")


def test_page__boxes_have_no_outline_and_the_rest_is_counted():
    many = tuple(FindingLine(number=n, kind="cell", confidence=0.5) for n in range(1, MOST_FINDINGS + 4))
    said = text(build_study(content(findings=many, regions=(), has_regions=False)))
    assert (
        "3 further findings are not shown here; they are in the JSON file" in said
        and "HU" not in said
        and "Region" not in said
    )


def test_page__answers_to_the_whole_image():
    said = text(build_study(content(findings=(), regions=(), has_regions=False, answers={"pneumonia": "0.93"})))
    assert "The image as a whole pneumonia 0.93" in said and "Nothing was found" not in said
    decided = {"": "pneumonia", "normal": "0.07"}
    assert "Result pneumonia normal 0.07" in text(build_study(content(findings=(), regions=(), answers=decided)))


def test_page__of_anomaly_has_a_score_and_its_limit_and_no_probability():
    told = {"": "normal", "score": "0.39"}
    one = content(findings=(), regions=(), answers=told, model=replace(MODEL, kind="anomaly"))
    said = text(build_study(one))
    assert "Result not above the limit Score of abnormality 0.39 Told as abnormal above 0.50" in said
    assert "not the probability of a disease" in said
    beyond = replace(one, answers=told | {"": "abnormal"})
    assert "Result above the limit" in text(build_study(beyond))
    assert "结果 超过界限" in text(build_study(beyond, language="zh"))
    assert "结果 未超过界限 异常评分 0.39 评分超过 0.50 判为异常" in text(build_study(one, language="zh"))


def test_doubts__are_told_in_the_words_of_the_language():
    noted = content(warnings=(POOR, FAR, "as it stands", Doubt("of-nobody", "{number} unheard of", number=3)))
    said = text(build_study(noted))
    assert "The prior study fits the current one poorly: look at both" in said
    assert "age: 91 is far from what was learned from (mean 40, standard deviation 10)." in said
    assert "as it stands" in said and "3 unheard of" in said  # without a code, and of a code that has no words
    said = text(build_study(noted, language="zh"))
    assert "age：估计值 91 明显偏离训练数据（均值 40，标准差 10）。" in said and "3 unheard of" in said
    within = Doubt("prior-not-aligned", "not compared: {reason}", reason=Doubt("align-few-slices", "too few slices"))
    assert within == "not compared: too few slices"
    assert "未与前次检查比较：层数过少，无法判断体位旋转。" in text(
        build_study(content(warnings=(within,)), language="zh")
    )


def test_doubts__a_site_says_them_in_its_own_words_one_by_one(tmp_path):
    own = {"doubts": {"prior-fits-poorly": "Ask Dr Wen.", "far-from-learned": "{name}?"}, "changes": {"new": "NEW!"}}
    (tmp_path / "study.en.json").write_text(json.dumps(own))
    said = text(build_study(content(warnings=(POOR, FAR, Doubt("no-thickness", "x"))), site=tmp_path))
    assert "Ask Dr Wen." in said and "age?" in said and "NEW!" in said and "grown" in said
    assert "One slice without a thickness: taken as 1 mm." in said


@pytest.mark.parametrize("words", ["{nothing}", "{}", "{name", "{name.__class__.__mro__}", "{name:.2f}"])
def test_doubts__words_that_cannot_be_filled_are_named(tmp_path, words):
    (tmp_path / "study.en.json").write_text(json.dumps({"doubts": {"far-from-learned": words}}))
    with pytest.raises(InputError, match="words that cannot be used") as caught:
        build_study(content(warnings=(FAR,)), site=tmp_path)
    assert caught.value.where == f"{tmp_path / 'study.en.json'}: doubts: far-from-learned"
    assert "{name}, {value}" in caught.value.expected


@pytest.mark.parametrize("own", [{"doubts": "none"}, {"findings": {"a": "b"}}, {"more": "{wrong} more"}])
def test_site__words_of_another_form_are_refused(tmp_path, own):
    (tmp_path / "study.en.json").write_text(json.dumps(own))
    many = tuple(FindingLine(number=n, kind="cell") for n in range(1, MOST_FINDINGS + 2))
    with pytest.raises(InputError):
        build_study(content(findings=many), site=tmp_path)


@pytest.mark.parametrize(
    ("own", "near"),
    [
        ({"findngs": "x"}, "findings"),
        ({"doubts": {"prior-fits-porly": "typo"}}, "prior-fits-poorly"),
        ({"headers": {"nmae": "Pat"}}, "name"),
        ({"when": {"aprt": "x"}}, "apart"),
    ],
)
def test_site__words_that_nothing_shows_are_refused_but_for_a_layout_of_its_own(tmp_path, own, near):
    (tmp_path / "study.en.json").write_text(json.dumps(own))
    with pytest.raises(InputError, match="nothing shows") as caught:
        require_words("en", site=tmp_path)
    assert near in caught.value.expected
    (tmp_path / "study.html").write_text("<p>{{ words.findngs }}</p>")
    if "findngs" in own:
        require_words("en", site=tmp_path)
    (tmp_path / "study.html").write_text("<p>{{ page.nosuch }}</p>")
    (tmp_path / "study.en.json").unlink()
    with pytest.raises(InputError, match="template that cannot be used") as caught:
        require_words("en", site=tmp_path)
    assert "page is undefined" in caught.value.found


@pytest.mark.parametrize(
    "change",
    [
        "",
        "{# ours #}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1) }}",
        "{% set a = 1 %}{{ a }}",
        "{% if hospital is defined %}{{ hospital }}{% endif %}{{ ward | default('') }}",
    ],
)
def test_site__our_own_layout_copied_and_changed_a_little_is_one(tmp_path, change):
    ours = (resources.files("scanwright.report") / "templates" / "study.html").read_text(encoding="utf-8")
    (tmp_path / "study.html").write_text(ours + change)
    require_words("en", site=tmp_path)
    assert "<table" in build_study(content(), site=tmp_path)


@pytest.mark.parametrize(
    ("layout", "found"),
    [("某某医院影像科".encode("gbk"), "decode"), (b"", "nothing in it"), (b"{{ page }}", "page is undefined")],
)
def test_site__a_layout_that_cannot_be_read_or_says_nothing(tmp_path, layout, found):
    (tmp_path / "study.html").write_bytes(layout)
    with pytest.raises(InputError, match="template that cannot be used") as caught:
        require_words("en", site=tmp_path)
    assert found in caught.value.found


@pytest.mark.parametrize("layout", ["{{ 1 / (study.findings | length) }}", '{% extends "study.html" %}'])
def test_site__a_layout_that_fails_when_it_is_filled(tmp_path, layout):
    (tmp_path / "study.html").write_text(layout)
    with pytest.raises(InputError, match="template that cannot be used"):
        build_study(content(findings=()), site=tmp_path)


def test_site__its_words_and_its_layout_go_before_ours(tmp_path):
    (tmp_path / "study.en.json").write_text(json.dumps({"research": "Trial 7 only."}))
    said = text(build_study(content(), site=tmp_path))
    assert "Trial 7 only." in said and "Findings by software" in said
    (tmp_path / "study.html").write_text("<p>{{ study.title }}: {{ study.findings | length }} {{ words.findings }}</p>")
    assert build_study(content(), site=tmp_path) == "<p>CT &lt;chest&gt;: 3 Findings</p>"
    (tmp_path / "study.fr.json").write_text(json.dumps({"findings": "lésions"}))
    assert "lésions" in build_study(content(), site=tmp_path, language="fr")


@pytest.mark.parametrize(
    "template",
    [
        "{{ study.nothing_of_it }}",
        "{% if %}",
        "{{ study.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''.__class__.__mro__ }}",
    ],
)
def test_site__a_template_that_cannot_be_used_is_named(tmp_path, template):
    (tmp_path / "study.html").write_text(template)
    with pytest.raises(InputError, match="a template that cannot be used"):
        build_study(content(), site=tmp_path)


def test_json__is_the_same_content_without_pictures():
    told = json.loads(json.dumps(content().to_json(), allow_nan=False))
    assert told["findings"][0]["growth"] == pytest.approx(20 / 14 - 1) and "images" not in told
    assert (told["findings"][0]["size_growth"], told["findings"][0]["size_before"]) == (0.0, 3.0)
    assert told["regions"][1]["missing"] is True and told["model"]["digest"] == "ab" * 32
    assert told["warnings"] == [{"code": "", "values": {}, "text": "grey values are unlike"}]
    (told,) = content(warnings=(FAR,)).to_json()["warnings"]
    values = {"name": "age", "value": 91.0, "center": 40.0, "deviation": 10.0}
    assert told == {"code": "far-from-learned", "values": values, "text": "age 91 far from 40.0, 10.0"}
    decided = content(answers={"": "normal", "abnormal": "0.02"}).to_json()
    assert (decided["decision"], decided["answers"]) == ("normal", {"abnormal": "0.02"})
    assert content().to_json()["decision"] is None


def usual_case():
    """Three planes, two findings close by, five findings in eight regions, a prior study and three doubts."""
    whole, close = (picture(width, height) for width, height in ((1920, 560), (960, 300)))
    images = (
        KeyImage(png=whole, shows="outlines", legend=tuple((f"region number {n}", "#e69f00") for n in range(9))),
        *(KeyImage(png=close, finding=n, caption="right_lower_lobe") for n in (1, 2)),
    )
    rows = [finding(n, region="right_lower_lobe", center=(0, 200 * n, 0)) for n in range(1, 6)]
    regions = tuple(RegionRow(name=f"region_number_{n}", size=1200.5, burden=0.02, cut=True) for n in range(8))
    table = StudyTable(regions, tuple(rows), "ml", "mm")
    return content(
        images=images,
        findings=finding_lines(table, follow_up(rows, rows)),
        regions=region_lines(table.regions, table.regions),
        prior={"date": "2026-01-02"},
        warnings=(POOR, FAR, Doubt("tilted", "{degrees}", degrees=12.0)),
    )


def picture(width, height):
    stored = io.BytesIO()
    Image.new("L", (width, height)).save(stored, "PNG")
    return stored.getvalue()


@pytest.mark.parametrize("language", LANGUAGES)
def test_pdf__of_a_usual_case_is_one_page(language):
    try:
        from weasyprint import HTML
    except OSError:
        pytest.skip("Pango is not installed, which WeasyPrint draws with")
    page = build_study(usual_case(), language=language)
    assert study_pdf(page).startswith(b"%PDF")
    assert len(HTML(string=page).render().pages) == 1


def pages_of(pdf):
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, flags=re.S)
    texts = [zlib.decompress(one) for one in streams if one[:1] == b"x"]
    return sum(len(re.findall(rb"/Type\s*/Page\b", one)) for one in texts)


def full_case():
    """Three planes, four findings close by, twelve findings in eight regions, a prior study and three doubts."""
    some = usual_case()
    rows = [finding(n, region="right_lower_lobe", center=(0, 200 * n, 0)) for n in range(1, 13)]
    close = tuple(replace(some.images[1], finding=n) for n in range(1, 5))
    return replace(some, images=(some.images[0], *close), findings=finding_lines(table_of(rows), follow_up(rows, rows)))


def table_of(rows):
    return StudyTable((), tuple(rows), "ml", "mm")


@pytest.mark.parametrize("language", LANGUAGES)
def test_pdf__of_a_full_case_is_tightened_to_one_page(language):
    try:
        from weasyprint import HTML
    except OSError:
        pytest.skip("Pango is not installed, which WeasyPrint draws with")
    page = build_study(full_case(), language=language)
    assert len(HTML(string=page).render().pages) == 2
    assert pages_of(study_pdf(page)) == 1


def test_pdf__a_lower_picture_saves_a_page():
    try:
        from weasyprint import HTML
    except OSError:
        pytest.skip("Pango is not installed, which WeasyPrint draws with")
    rows = [finding(n, center=(0, 200 * n, 0)) for n in range(1, 11)]
    table = StudyTable(
        tuple(RegionRow(name=f"region {n}", size=1200.5, burden=0.02, cut=False) for n in range(6)),
        tuple(rows),
        "ml",
        "mm",
    )
    found = finding_lines(table, follow_up(rows, rows))
    whole = KeyImage(png=picture(900, 800), shows="outlines")
    page = build_study(content(images=(whole,), findings=found, regions=region_lines(table.regions, table.regions)))
    assert len(HTML(string=page).render().pages) == 2
    assert pages_of(study_pdf(page)) == 1


def test_percent__is_never_told_as_nothing():
    assert percent(0.004) == "<1 %" and percent(0.0) == "0 %" and percent(0.0004, 1) == "<0.1 %"
    assert signed_percent(None) == "–" and signed_percent(-0.3) == "−30 %"


def test_words__are_asked_for_before_anything_is_answered(tmp_path):
    require_words("zh")
    with pytest.raises(UsageError, match="language without words"):
        require_words("xx")
    with pytest.raises(InputError, match="no folder of templates"):
        require_words("en", site=tmp_path / "nothing")
    with pytest.raises(InputError, match="a folder without templates"):
        require_words("en", site=tmp_path)
    (tmp_path / "study.fr.json").write_text("{}")
    require_words("en", site=tmp_path)  # of another language, which is asked for another time
    (tmp_path / "study.html").write_text("{% if %}")
    with pytest.raises(InputError, match="a template that cannot be used") as caught:
        require_words("en", site=tmp_path)
    assert caught.value.where == tmp_path / "study.html"
    (tmp_path / "study.html").write_text("{{ study.title | number | said }}")
    require_words("en", site=tmp_path)


@pytest.mark.parametrize(
    ("own", "place"),
    [
        ({"more": "{wrong} more"}, "more"),
        ({"tested": {"folds": "on {cases:d} cases"}}, "tested: folds"),  # what is filled in may be a text
        ({"window": "W {width"}, "window"),
        ({"doubts": {"no-thickness": "One slice of {number}."}}, "doubts: no-thickness"),
        ({"doubts": {"tilted": "Tilted by {degrees:d}."}}, "doubts: tilted"),
        ({"sizes": {"ml": 3}}, "sizes: ml"),
    ],
)
def test_words__are_looked_through_before_anything_is_answered(tmp_path, own, place):
    (tmp_path / "study.en.json").write_text(json.dumps(own))
    with pytest.raises(InputError) as caught:
        require_words("en", site=tmp_path)
    assert caught.value.where == f"{tmp_path / 'study.en.json'}: {place}"


def test_words__of_a_site_may_leave_places_out_and_have_braces_where_nothing_is_filled_in(tmp_path):
    own = {
        "more": "more",
        "research": "For {us} alone.",
        "own_word": "{x}",
        "doubts": {"of-nobody": "{x}", "tilted": ""},
    }
    (tmp_path / "study.en.json").write_text(json.dumps(own | {"tested": {"folds": "on {cases} cases"}}))
    require_words("en", site=tmp_path)
    assert "on 120 cases: mean Dice 0.910" in text(build_study(content(), site=tmp_path))


def test_words__of_a_language_of_the_site_are_english_where_they_are_left_out(tmp_path):
    (tmp_path / "study.fr.json").write_text(json.dumps({"findings": "Lésions", "doubts": {"tilted": "Incliné."}}))
    require_words("fr", site=tmp_path)
    said = text(build_study(content(warnings=(POOR,)), language="fr", site=tmp_path))
    assert "Lésions" in said and "Findings by software" in said and "fits the current one poorly: look at both" in said
    (tmp_path / "study.fr.json").write_text("{}")
    with pytest.raises(UsageError, match="language without words"):
        require_words("fr", site=tmp_path)
