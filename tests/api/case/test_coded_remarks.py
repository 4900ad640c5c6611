"""What a DICOM report says in words: all that the page warns of, and changes that have no code."""

from dataclasses import replace

import pytest

from scanwright.api.case.coded_findings import gone_in, measures_of
from scanwright.api.case.coded_remarks import NO_REMARKS, remarks_on, uncoded
from scanwright.api.case.prior_study import LATER, OTHER_BIRTH, OTHER_ID, POOR_FIT, Comparison
from scanwright.api.case.scan_header import ScanHeader
from scanwright.doubt import Doubt
from scanwright.findings.follow_up import follow_up
from scanwright.findings.table import FindingRow, StudyTable
from scanwright.io.dicom.derived.sr import PriorStudy
from scanwright.report.model_facts import FoundInTest, HowTested, ImagesTold, ModelFacts
from scanwright.report.study_words import words_of_study

FACTS = ModelFacts(
    name="lung net", version="1", digest="ab" * 32, kind="segmentation",
    tested_on=(
        HowTested(how="folds", cases=120, patients=98, metric="dice", value=0.91, interval=(0.88, 0.93)),
        HowTested(how="apart", cases=1, patients=1, metric="dice"),
    ),
)  # fmt: skip
APART = "tested on what was set apart from the start (cases: 1, patients: 1): mean Dice not defined by these cases"
RESEARCH = "For research use only. Made by software, not read by a physician."
DOUBT = Doubt("tilted", "tilted by {degrees} degrees", degrees=12)
EMPTY = StudyTable((), (), "ml", "mm")


def finding(number, place, longest, *, cut=False):
    return FindingRow(
        number=number, kind="nodule", size=1.0, longest=longest, perpendicular=longest, slice_index=0,
        center=(place, 0.0, 0.0), mean=0, deviation=0, low=0, high=0, shares={}, region="left lung" if place < 500 else "",
        share_of_region=None, confidence=None, touches=(), cut=cut,
    )  # fmt: skip


NOW = (
    finding(1, 0, 20.0),
    finding(2, 100, 20.7),
    finding(3, 200, 30.0, cut=True),
    finding(4, 300, 9.0),
    finding(5, 400, 8),
)
BEFORE = (finding(1, 0, 14.0), finding(2, 100, 14.0), finding(3, 200, 12.5), finding(4, 600, 7.0), finding(5, 700, 6.0))
CHANGES = (
    *follow_up(NOW[:1], BEFORE[:1]),
    *follow_up(NOW[1:2], BEFORE[1:2], voxels=(4, 4)),
    *follow_up(NOW[2:3], BEFORE[2:3]),
    *follow_up(NOW[3:4], BEFORE[3:4], covered=([False], [False])),
    *follow_up(NOW[4:], BEFORE[4:]),
)
COMPARED = Comparison(changes=CHANGES, before=EMPTY)


def test_remarks__what_it_is_for_what_it_was_tested_on_and_every_doubt():
    said = remarks_on(FACTS, (DOUBT, "blurred"), None, unit="mm")
    assert said.comments[0].startswith(RESEARCH) and said.prior is None
    assert said.comments[1:] == (
        "Model lung net, tested by cross-validation (cases: 120, patients: 98): mean Dice 0.910 (95 % CI 0.880–0.930)",
        f"Model lung net, {APART}",
        "tilted by 12 degrees",
        "blurred",
    )
    assert NO_REMARKS.comments == ()


def one_test(**more):
    return (HowTested(how="fold", cases=9, patients=9, metric="dice", value=0.591, **more),)


def test_remarks__how_findings_were_found_and_that_most_were_missed():
    found = FoundInTest(
        true=10, hits=0, false=4, false_per_case=4 / 9, sensitivity=0.0, sensitivity_interval=(0.0, 0.278)
    )
    said = remarks_on(replace(FACTS, tested_on=one_test(findings=found)), (DOUBT,), None, unit="mm").comments
    assert said[1].startswith("when it was tested, the model found 0 of 10 true findings: it misses most of them")
    assert said[2] == "when it was tested, most of the model's marks were false: 4 of 4"
    assert said[3] == (
        "Model lung net, tested on one fold of a cross-validation (cases: 9, patients: 9): mean Dice 0.591; 0 of 10 true "
        "findings found, sensitivity 0.000 (95 % CI 0.000–0.278); false findings per case 0.44"
    )
    boxes = replace(FACTS, kind="detection", tested_on=one_test(findings=found))
    assert "0 of 10 true objects" in remarks_on(boxes, (), None, unit="mm").comments[1]


def test_remarks__an_image_is_told_beside_how_images_were_told_in_the_test():
    images = ImagesTold(abnormal=98, told_abnormal=24, normal=50, told_normal=48, sensitivity=0.245, specificity=0.96)
    facts = replace(FACTS, kind="anomaly", tested_on=one_test(images=images))
    said = remarks_on(facts, (), None, unit="mm", decided="normal").comments
    assert said[1].startswith("Result: not above the limit. Told as abnormal above 0.50")
    assert said[2].startswith("of 98 abnormal test images the model told 24 as abnormal: it misses most of them")
    assert said[3].endswith(
        "; of 98 abnormal test images 24 were told as abnormal, sensitivity 0.245; of 50 normal test images 48 were not, "
        "specificity 0.960"
    )
    assert "Result" not in remarks_on(FACTS, (), None, unit="mm", decided="normal").comments[1]


def test_remarks__what_the_model_of_regions_was_tested_on():
    anatomy = replace(FACTS, name="lobes", tested_on=FACTS.tested_on[1:])
    said = remarks_on(replace(FACTS, tested_on=()), (), None, unit="mm", regions_model=anatomy).comments
    assert said[1:] == (f"Regions by the model lobes, {APART}",)


def test_remarks__changes_without_a_code_are_told_and_the_others_are_coded():
    said = remarks_on(replace(FACTS, tested_on=()), (), COMPARED, unit="mm").comments[1:]
    assert said == (
        words_of_study("en")["rule"],
        "nodule 2, against the prior study: change within measurement error (± 8.0 mm, before 14.0 mm)",
        "nodule 3, against the prior study: cut, growth not known (before 12.5 mm)",
        "nodule 4, against the prior study: not wholly covered by the prior study",
        "a nodule of the prior study, outside all regions, against the prior study: "
        "not wholly covered by this study (before 7.0 mm)",
    )
    measures = measures_of(NOW, replace(EMPTY, findings=NOW), COMPARED.codable, unit="HU")
    assert [one.change for one in measures] == ["grown", "", "", "", "new"]
    assert [one.before for one in measures] == [14.0, None, None, None, None]
    assert [one.size_before for one in measures] == [1000.0, None, None, None, None]
    assert [(one.before, one.size_before) for one in gone_in(CHANGES, EMPTY)] == [(6.0, 1000.0)]


def test_remarks__a_change_in_doubt_of_the_volume_is_told_as_one():
    grown = follow_up([replace(NOW[0], size=2.0)], [replace(BEFORE[0], longest=20.0)])
    compared = Comparison(changes=grown, before=EMPTY, doubts=(POOR_FIT,))
    said = remarks_on(FACTS, (), compared, unit="mm").comments[-1]
    assert "grown (+100 % in volume, before 20.0 mm), in doubt" in said


def test_remarks__findings_that_have_become_one_are_told_each_with_its_diameter():
    """A comment told "before 8.5 mm" of three findings of 2.8 mm."""
    parts = [replace(BEFORE[0], number=place, center=(place / 9, 0, 0), longest=2.83) for place in (1, 2, 3)]
    merged = follow_up([replace(NOW[0], center=(0, 0, 0), longest=8.0)], parts, voxels=(1.0, 2.0))
    (said,) = uncoded(Comparison(changes=merged, before=EMPTY), words_of_study("en"), unit="mm")
    assert said.startswith("nodule 1, against the prior study: merged (") and said.endswith(
        "before 2.8 + 2.8 + 2.8 mm)"
    )
    split = follow_up(parts, [replace(BEFORE[0], center=(0, 0, 0), longest=8.0)], voxels=(1.0, 2.0))
    (said,) = uncoded(Comparison(changes=split, before=EMPTY), words_of_study("en"), unit="mm")
    assert "split (together 8.5 mm, " in said and said.endswith("before 8.0 mm)")


def test_gone__of_what_the_border_of_the_prior_study_cut_no_numbers_are_told():
    changes = follow_up([], [replace(BEFORE[0], cut=True)])
    assert [(one.before, one.size_before) for one in gone_in(changes, EMPTY)] == [(None, None)]


@pytest.mark.parametrize("doubt", [OTHER_ID, OTHER_BIRTH, LATER, POOR_FIT])
def test_remarks__against_a_prior_study_that_is_in_doubt_nothing_is_coded(doubt):
    known = {"doubts": (doubt,)} if doubt is POOR_FIT else {"mismatches": (doubt,)}
    compared = replace(COMPARED, **known)
    said = remarks_on(FACTS, (DOUBT,), compared, unit="mm").comments
    assert doubt in said and DOUBT in said
    assert "nodule 1, against the prior study: grown (+43 %, before 14.0 mm), in doubt as the prior study is" in said
    assert sum("in doubt" in one for one in said) == len(CHANGES)
    assert compared.codable == ()


def test_remarks__the_prior_study_is_named_where_it_is_dicom_and_was_compared():
    header = ScanHeader({"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", "StudyDate": "20250110"})
    given = {"facts": FACTS, "doubts": (), "unit": "mm"}
    assert remarks_on(compared=Comparison(before=EMPTY), **given).prior is None
    assert remarks_on(compared=Comparison(header=header), **given).prior is None
    compared = Comparison(before=EMPTY, header=header)
    assert remarks_on(compared=compared, **given).prior == PriorStudy("1.2.3", "1.2.3.4", "20250110")
    undated = replace(compared, header=ScanHeader({"StudyInstanceUID": "1.2.3", "StudyDate": "2025"}))
    assert remarks_on(compared=undated, **given).prior == PriorStudy("1.2.3")
