"""Findings in measurement reports: a segment and a group each, with numbers, place and change, read back by several readers."""

import json
import subprocess
import warnings

import highdicom
import numpy as np
import pytest

from dicom_peers import DCMQI, conformance_errors, needs_dciodvfy, needs_dcmqi
from made_series import axial, write_series
from scanwright.errors import InputError, UsageError
from scanwright.io.dicom.derived.codes import finding_codes, private_code
from scanwright.io.dicom.derived.provenance import Model
from scanwright.io.dicom.derived.seg_grid import segment_mask
from scanwright.io.dicom.derived.seg_write import Numbered, write_segmentation
from scanwright.io.dicom.derived.sr import (
    ATTENUATION,
    LONG_AXIS,
    MEAN,
    PERPENDICULAR_AXIS,
    PROBABILITY,
    STANDARD_DEVIATION,
    UNITS,
    VOLUME,
)
from scanwright.io.dicom.derived.sr_concepts import (
    AREA,
    AXIS_BEFORE,
    CHANGE,
    CHANGES,
    CONFIDENCE,
    CUT,
    GROWTH,
    MAXIMUM,
    MINIMUM,
    NEXT_TO,
    OUTSIDE,
    REACHES,
    SHARE,
    SIZE_BEFORE,
    SIZE_GROWTH,
    WITH_FINDINGS,
    YES,
)
from scanwright.io.dicom.derived.sr_findings import FindingMeasures, GoneFinding
from scanwright.io.dicom.derived.sr_groups import RegionMeasures
from scanwright.io.dicom.derived.sr_write import write_measurements
from scanwright.io.dicom.intake import open_instance

MODEL = Model("lung net", "1.2.0", "ab" * 32)
GRID = axial((12, 10, 6))
KINDS = (("nodule", "left lung"), ("nodule", ""), ("shadow", "zone 3"))
NAMES = ("nodule 1", "nodule 2", "shadow 3")
FINDINGS = (
    FindingMeasures(
        segment=1, size=94.5, longest=4.25, perpendicular=3.5, mean=-12.5, deviation=30.0, low=-80.0, high=55.0, unit="HU",
        share_of_region=0.125, confidence=0.875, crosses=("right lung", "liver"), touches=("shadow 3",), cut=True,
        change="grown", before=3.0, size_before=37.8, growth=5 / 12, size_growth=1.5,
    ),
    FindingMeasures(
        segment=2, size=12.0, longest=2.0, perpendicular=1.0, mean=1.0, deviation=0.0, low=1.0, high=1.0, unit="HU",
        outside=True, change="new",
    ),
    FindingMeasures(
        segment=3, size=6.0, longest=2.0, perpendicular=1.0, mean=0.0, deviation=0.0, low=0.0, high=0.0, unit="HU",
        unit_of_size="mm2",
    ),
)  # fmt: skip
GONE = (
    GoneFinding(kind="nodule", region="left lung", before=6.5, size_before=125.0),
    GoneFinding(kind="nodule", region=""),
)


def numbered():
    values = np.zeros(GRID.shape, np.uint16)
    values[1:4, 1:4, 1:3], values[6:8, 2:4, 4], values[4:6, 1:2, 1] = 1, 2, 3
    return Numbered(NAMES, values)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Sources, a segmentation of two regions, and one of three findings."""
    folder = tmp_path_factory.mktemp("study")
    sources = [open_instance(path).dataset for path in write_series(folder / "ct", GRID)]
    lungs = {name: np.zeros(GRID.shape, bool) for name in ("left lung", "nodule")}
    lungs["left lung"][:6], lungs["nodule"][1:4, 1:4, 1:3] = True, True
    given = {"grid": GRID, "sources": sources, "model": MODEL}
    regions = write_segmentation(folder / "seg.dcm", lungs, **given)
    codes = [finding_codes(kind, region) for kind, region in KINDS]
    return sources, regions, write_segmentation(folder / "findings.dcm", numbered(), codes=codes, **given)


@pytest.fixture(scope="module")
def report(study, tmp_path_factory):
    sources, regions, marked = study
    path = tmp_path_factory.mktemp("report") / "sr.dcm"
    measures = [RegionMeasures(1, 500.0, cut=True, burden=0.25, with_findings=594.5), RegionMeasures(2, 94.5)]
    return path, write_measurements(
        path,
        regions=measures,
        findings=FINDINGS,
        gone=GONE,
        segmentation=regions,
        marked=marked,
        sources=sources,
        model=MODEL,
    )


def test_numbers_come_back_exactly(report):
    nodule, outside, flat = report[1].groups[2:5]
    assert nodule.value(VOLUME, unit=UNITS["mm3"]) == 94.5 and nodule.value(VOLUME, unit=UNITS["ml"]) == 0.0945
    assert (nodule.value(LONG_AXIS), nodule.value(PERPENDICULAR_AXIS)) == (4.25, 3.5)
    told = [nodule.value(ATTENUATION, derivation=one) for one in (MEAN, STANDARD_DEVIATION, MINIMUM, MAXIMUM)]
    assert told == [-12.5, 30.0, -80.0, 55.0]
    assert (nodule.value(SHARE, unit=UNITS["%"]), nodule.value(CONFIDENCE)) == (12.5, 0.875)
    assert nodule.value(PROBABILITY) is None  # confidence is not the chance that the finding is real
    assert (nodule.value(AXIS_BEFORE), nodule.value(SIZE_GROWTH)) == (3.0, 150.0)
    assert nodule.value(SIZE_BEFORE, unit=UNITS["mm3"]) == 37.8
    assert nodule.value(GROWTH) == pytest.approx(100 * 5 / 12)
    assert outside.value(SHARE) is None and outside.value(CONFIDENCE) is None and outside.value(AXIS_BEFORE) is None
    assert flat.value(AREA, unit=UNITS["mm2"]) == 6.0 and flat.value(VOLUME) is None


def test_what_is_true_of_a_finding_is_answered_and_nothing_else(report):
    nodule, outside, flat = report[1].groups[2:5]
    assert [one.meaning for one in nodule.answered(REACHES)] == ["right lung", "Liver"]
    assert nodule.answered(NEXT_TO) == (private_code("shadow 3"),)
    assert (nodule.answered(CUT), nodule.answered(OUTSIDE)) == ((YES,), ())
    assert (outside.answered(OUTSIDE), outside.answered(CUT)) == ((YES,), ())
    assert (nodule.answered(CHANGE), outside.answered(CHANGE)) == ((CHANGES["grown"],), (CHANGES["new"],))
    assert flat.answers == ()


def test_a_finding_is_a_segment_of_its_own_in_its_region(study, report):
    sources, _, marked = study
    assert [one.label for one in marked.segments] == [*NAMES]
    for group, segment in zip(report[1].groups[2:5], marked.segments, strict=True):
        assert (group.tracking_id, group.tracking_uid) == (segment.tracking_id, segment.tracking_uid)
        assert (group.segment, group.segmentation) == (segment.number, marked.instance)
        assert (group.finding, group.category, group.site) == (segment.type, segment.category, segment.site)
        assert group.source_series == sources[0].SeriesInstanceUID
        assert np.array_equal(segment_mask(marked, segment.number, GRID), numbered().values == segment.number)
    nodule, outside, shadow = report[1].groups[2:5]
    assert (nodule.finding.meaning, nodule.site.meaning) == ("Nodule", "Lung")
    assert [one.meaning for one in nodule.site_modifiers] == ["Left"]
    assert outside.site is None
    assert (shadow.finding, shadow.site) == (private_code("shadow"), private_code("zone 3"))
    assert {one.category.meaning for one in (nodule, outside, shadow)} == {"Morphologically Abnormal Structure"}


def test_what_is_resolved_has_no_segment_and_no_size_of_now(report):
    there, nowhere = report[1].groups[5:]
    assert (there.segment, there.segmentation, there.value(LONG_AXIS), there.value(AXIS_BEFORE)) == (
        None,
        "",
        None,
        6.5,
    )
    assert (there.value(SIZE_BEFORE, unit=UNITS["mm3"]), there.value(SIZE_BEFORE, unit=UNITS["ml"])) == (125.0, 0.125)
    assert nowhere.values == () and nowhere.answered(CHANGE) == (CHANGES["resolved"],)
    assert there.answered(CHANGE) == (CHANGES["resolved"],) and there.finding.meaning == "Nodule"
    assert (there.site.meaning, nowhere.site) == ("Lung", None)
    assert there.tracking_uid != nowhere.tracking_uid


def test_regions_keep_their_groups(study, report):
    lung, nodule = report[1].groups[:2]
    assert (lung.segment, lung.segmentation, lung.value(VOLUME, unit=UNITS["mm3"])) == (1, study[1].instance, 500.0)
    assert lung.answered(CUT) == (YES,) and nodule.answers == ()
    assert {study[1].instance, study[2].instance} < set(report[1].evidence)


def test_one_map_and_masks_are_the_same_object(study, tmp_path):
    sources, _, _ = study
    given = {"grid": GRID, "sources": sources, "model": MODEL}
    whole = numbered()
    masks = {name: whole.values == number for number, name in enumerate(NAMES, start=1)}
    found = [write_segmentation(tmp_path / f"{place}.dcm", one, **given) for place, one in enumerate((whole, masks))]
    assert [len(one.frames) for one in found] == [4, 4]
    for number in (1, 2, 3):
        assert np.array_equal(*(segment_mask(one, number, GRID) for one in found))
    with pytest.raises(InputError, match="does not fill its grid"):
        write_segmentation(tmp_path / "c.dcm", Numbered(NAMES, whole.values[:5]), **given)


def test_highdicom_reads_the_same(study, report):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = highdicom.sr.srread(report[0]).content
        found = content.get_volumetric_roi_measurement_groups(tracking_uid=study[2].segments[0].tracking_uid)
        others = content.get_image_measurement_groups()
    (nodule,) = found
    assert (nodule.finding_type.meaning, nodule.finding_sites[0].laterality.meaning) == ("Nodule", "Left")
    assert [one.value for one in nodule.get_measurements()][:4] == [94.5, 0.0945, 4.25, 3.5]
    answers = {(one.name.meaning, one.value.meaning) for one in nodule.get_qualitative_evaluations()}
    assert (CHANGE.meaning, "Increase in size") in answers and (CUT.meaning, "Yes") in answers
    assert len(others) == 2


@needs_dcmqi
def test_dcmqi_reads_the_findings(study, tmp_path):
    sources, _, marked = study
    write_measurements(tmp_path / "sr.dcm", findings=FINDINGS[:2], marked=marked, sources=sources, model=MODEL)
    command = [DCMQI.parent / "tid1500reader", "--inputDICOM", tmp_path / "sr.dcm"]
    command += ["--outputMetadata", tmp_path / "sr.json"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    groups = json.loads((tmp_path / "sr.json").read_text())["Measurements"]
    assert [group["TrackingUniqueIdentifier"] for group in groups] == [one.tracking_uid for one in marked.segments[:2]]


@needs_dciodvfy
def test_dciodvfy_finds_no_error(study, report):
    assert conformance_errors(report[0]) == [] and conformance_errors(study[2].path) == []


@pytest.mark.parametrize("fault", ["no segmentation", "no segment", "unit"])
def test_planted_faults(study, tmp_path, fault):
    sources, _, marked = study
    given = {"findings": FINDINGS[:1], "marked": marked, "sources": sources, "model": MODEL}
    bare = {"size": 1.0, "longest": 1.0, "perpendicular": 1.0, "mean": 0.0, "deviation": 0.0, "low": 0.0, "high": 0.0}
    changes = {
        "no segmentation": {"marked": None},
        "no segment": {"findings": [FindingMeasures(segment=9, **bare)]},
        "unit": {"findings": [FindingMeasures(segment=1, unit_of_size="furlong", **bare)]},
    }
    with pytest.raises(InputError if fault == "no segment" else UsageError):
        write_measurements(tmp_path / "sr.dcm", **{**given, **changes[fault]})
    assert not (tmp_path / "sr.dcm").exists()


def test_a_region_of_a_single_slice_has_an_area_as_its_findings_have(study, tmp_path):
    sources, regions, _ = study
    measures = [RegionMeasures(1, 1140.0, longest=40.0, unit_of_size="mm2", with_findings=1200.0)]
    found = write_measurements(
        tmp_path / "sr.dcm", regions=measures, segmentation=regions, sources=sources, model=MODEL
    )
    (group,) = found.groups
    assert group.value(AREA, unit=UNITS["mm2"]) == 1140.0 and group.value(VOLUME) is None
    assert group.value(WITH_FINDINGS, unit=UNITS["mm2"]) == 1200.0 and group.value(LONG_AXIS) == 40.0
