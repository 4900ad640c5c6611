"""The DICOM report of a study with findings says what the report for a clinician says, number for number."""

import numpy as np
import pytest

from dicom_peers import conformance_errors, needs_dciodvfy
from scanwright.api.case import coded_findings, results
from scanwright.api.case.dicom_scans import dicom_cases
from scanwright.dataset.task import Channel, Region, Task
from scanwright.findings.follow_up import follow_up
from scanwright.findings.table import study_table
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.derived.seg_grid import segment_mask
from scanwright.io.dicom.derived.seg_read import read_segmentation
from scanwright.io.dicom.derived.series_write import write_series
from scanwright.io.dicom.derived.sr import ATTENUATION, LONG_AXIS, MEAN, PROBABILITY, UNITS, VOLUME, read_measurements
from scanwright.io.dicom.derived.sr_concepts import (
    AXIS_BEFORE,
    BURDEN,
    CHANGE,
    CHANGES,
    CONFIDENCE,
    CUT,
    FOUND,
    GROWTH,
    MAXIMUM,
    MINIMUM,
    NO,
    OUTSIDE,
    REACHES,
    SHARE,
    SIZE_BEFORE,
    WITH_FINDINGS,
    YES,
)
from scanwright.io.formats import read_volume
from scanwright.problem.segmentation import Segmentation
from scanwright.report.study_content import finding_lines

SHAPE = (30, 24, 8)
NAMES = ("left lung", "right lung", "nodule")
TASK = Task(
    name="chest",
    channels=(Channel(name="CT", modality="ct"),),
    regions=tuple(Region(name=name, values=(value,)) for value, name in enumerate(NAMES, start=1)),
)
MODEL = results.model_of({"name": "lung net"}, "ab" * 32)


def labels(*corners):
    """Two lungs of 12 x 16 x 6 voxels, and nodules of 3 x 3 x 2 with these first corners."""
    values = np.zeros(SHAPE, np.uint8)
    values[2:14, 5:21, 1:7], values[16:28, 5:21, 1:7] = 1, 2
    for i, j, k in corners:
        values[i : i + 3, j : j + 3, k : k + 2] = 3
    return values


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """A CT of 2 x 2 x 4 mm, read as a case is."""
    folder = tmp_path_factory.mktemp("scan")
    rng = np.random.default_rng(0)
    grid = Grid(SHAPE, np.diag([-2.0, -2.0, 4.0, 1.0]))
    write_series(folder / "ct", Volume(rng.normal(0, 20, (1, *SHAPE)).round(), grid), modality="CT", patient="P1")
    (case,) = dicom_cases([folder / "ct"], TASK).cases
    (source,) = case.images
    return source, read_volume(source)


@pytest.fixture(scope="module")
def written(scan, tmp_path_factory):
    """In the left lung, in the middle of the right, outside at the border; a prior with the first smaller, and another."""
    source, image = scan
    folder = tmp_path_factory.mktemp("written")
    problem = Segmentation(TASK)
    answer = Volume(labels((5, 8, 3), (20, 10, 3), (0, 0, 6))[None], image.grid)
    table = problem.measured(image, answer, sure=np.full(SHAPE, 204, np.uint8))
    small = labels((24, 18, 3))
    small[5, 8, 3] = 3
    before = problem.measured(image, Volume(small[None], image.grid), sure=None)
    changes = follow_up(table.findings, before.findings)
    files = results.write_dicom(
        folder / "a.seg.dcm", source, image, answer, task=TASK, model=MODEL, table=table, changes=changes
    )
    return files, table, changes, answer


def test_files(written):
    names = ["a.seg.dcm", "a.findings.dcm", "a.sr.dcm", "a.overlay.png", "a.overlay.dcm"]
    assert [path.name for path in written[0]] == names


def test_the_report_says_of_every_finding_what_the_page_says(written):
    files, table, changes, _ = written
    groups = read_measurements(files[2]).groups[3:]
    lines = finding_lines(table, changes)
    assert len(groups) == len(lines) == 4  # one of them resolved
    for group, line in zip(groups, lines, strict=True):
        assert group.answered(CHANGE)[0].meaning in {
            "new": "New finding", "grown": "Increase in size", "resolved": "Resolved"
        }[line.change]  # fmt: skip
        assert group.value(AXIS_BEFORE) == (None if line.before is None else pytest.approx(line.before))
        before = group.value(SIZE_BEFORE, unit=UNITS["ml"])
        assert before == (None if line.size_before is None else pytest.approx(line.size_before))
        if line.number is None:
            continue
        assert group.tracking_id == f"nodule {line.number}"
        assert group.value(VOLUME, unit=UNITS["ml"]) == pytest.approx(line.size)
        assert group.value(LONG_AXIS) == pytest.approx(line.longest)
        assert group.value(ATTENUATION, derivation=MEAN) == pytest.approx(line.mean)
        assert group.value(PROBABILITY) is None  # nothing here is the chance that a finding is real
        assert group.value(CONFIDENCE) == pytest.approx(line.confidence) == pytest.approx(0.8)
        share = group.value(SHARE, unit=UNITS["%"])
        assert share == (None if line.share_of_region is None else pytest.approx(100 * line.share_of_region))
        assert group.value(GROWTH) == (None if line.growth is None else pytest.approx(100 * line.growth))
        assert group.answered(OUTSIDE) == (() if line.region else (YES,))
        assert group.answered(CUT) == ((YES,) if line.cut else ())
        side = [one.meaning.lower() for one in group.site_modifiers]
        assert line.region == (f"{side[0]} {group.site.meaning.lower()}" if group.site else "")
    assert {line.change for line in lines} == {"new", "grown", "resolved"} and sum(line.cut for line in lines) == 1


def test_a_nodule_that_doubles_is_coded_as_larger(scan, tmp_path):
    """From 1 x 2 to 3 x 3 voxels of 2 mm, 4.5 to 8.5 mm: the 5 mm that RECIST asks of a sum of diameters have no say."""
    source, image = scan
    problem, small = Segmentation(TASK), labels()
    small[5, 8:10, 3] = 3
    tables = []
    for values in (labels((5, 8, 3)), small):
        tables.append(problem.measured(image, Volume(values[None], image.grid), sure=None))
    (change,) = changes = follow_up(tables[0].findings, tables[1].findings, voxels=(2, 2), longest_edges=(4, 4))
    answer = Volume(labels((5, 8, 3))[None], image.grid)
    files = results.write_dicom(
        tmp_path / "a.seg.dcm", source, image, answer, task=TASK, model=MODEL, table=tables[0], changes=changes
    )
    told = [one.answered(CHANGE) for one in read_measurements(files[2]).groups if one.answered(CHANGE)]
    assert told == [(CHANGES["grown"],)] and told[0][0].value == "15454001" and change.is_little


def test_a_finding_worked_by_hand(written, scan):
    """3 x 3 x 2 voxels of 16 mm3 in a lung of 12 x 16 x 6: 288 mm3, 18 of 1152 voxels, and a long axis across 6 x 6 mm."""
    image = scan[1]
    group, _ = [one for one in read_measurements(written[0][2]).groups if one.value(SHARE) is not None]
    values = image.voxels[0][written[3].voxels[0] == 3]
    assert group.value(VOLUME, unit=UNITS["mm3"]) == pytest.approx(288)
    assert group.value(SHARE) == pytest.approx(100 * 18 / 1152)
    assert group.value(LONG_AXIS) == pytest.approx(np.hypot(6, 6))
    assert group.value(ATTENUATION, derivation=MINIMUM) >= values.min()
    assert group.value(ATTENUATION, derivation=MAXIMUM) <= values.max()


def test_each_finding_is_a_segment_with_the_same_identifiers(written):
    files, table, _, answer = written
    marked = read_segmentation(files[1])
    groups = {
        one.tracking_uid: one for one in read_measurements(files[2]).groups if one.segmentation == marked.instance
    }
    assert [one.label for one in marked.segments] == ["nodule 1", "nodule 2", "nodule 3"]
    union = np.zeros(SHAPE, bool)
    for segment, row in zip(marked.segments, table.findings, strict=True):
        assert groups[segment.tracking_uid].segment == segment.number
        mask = segment_mask(marked, segment.number, answer.grid)
        assert np.array_equal(mask[row.around], row.mask) and mask.sum() == row.mask.sum()
        union |= mask
    assert np.array_equal(union, answer.voxels[0] == 3)


def test_regions_keep_their_groups_and_say_what_findings_take(written):
    """A lung whose nodule a label map cuts out of it: its segment is smaller by 18 voxels than the lung of the page."""
    files, table, _, _ = written
    left, _, nodule = read_measurements(files[2]).groups[:3]
    assert [one.label for one in read_segmentation(files[0]).segments] == [*NAMES]
    assert left.value(VOLUME, unit=UNITS["mm3"]) == pytest.approx((1152 - 18) * 16)
    assert left.value(WITH_FINDINGS) == pytest.approx(1152 * 16) == pytest.approx(1000 * table.regions[0].size)
    assert left.value(BURDEN, unit=UNITS["%"]) == pytest.approx(100 * 18 / 1152)
    assert nodule.value(VOLUME, unit=UNITS["mm3"]) == pytest.approx(3 * 288) and nodule.value(BURDEN) is None


def test_the_sum_of_a_kind_is_no_finding_of_it(written):
    """Who counts what has the finding type of a nodule finds three of now and one that is resolved."""
    groups = read_measurements(written[0][2]).groups
    assert [one.finding.meaning for one in groups] == [
        *("Lung", "Lung", "nodule: all together"),
        *("Nodule", "Nodule", "Nodule", "Nodule"),
    ]
    assert groups[2].tracking_id == "nodule" and groups[2].segment == 3


def test_a_region_that_is_all_findings_has_a_size_and_one_that_is_missing_has_none(scan, tmp_path):
    source, image = scan
    values = labels()
    values[values == 1], values[values == 2] = 3, 0
    answer = Volume(values[None], image.grid)
    regions = {"left lung": values == 3, "right lung": values == 2}
    table = study_table(regions, {"nodule": values == 3}, image=image.voxels[0], grid=image.grid)
    files = results.write_dicom(tmp_path / "c.seg.dcm", source, image, answer, task=TASK, model=MODEL, table=table)
    left, right, nodules, *_ = read_measurements(files[2]).groups
    assert left.value(VOLUME, unit=UNITS["ml"]) == 0 and left.value(WITH_FINDINGS) == pytest.approx(1152 * 16)
    assert (right.values, right.answered(FOUND), left.answered(FOUND)) == ((), (NO,), ())
    assert nodules.value(VOLUME, unit=UNITS["mm3"]) == pytest.approx(1152 * 16)


@needs_dciodvfy
def test_every_object_is_as_the_standard_wants_it(written):
    files = [path for path in written[0] if path.suffix == ".dcm"]
    assert {path.name: conformance_errors(path) for path in files} == {path.name: [] for path in files}


def test_findings_of_two_kinds_in_one_voxel_keep_their_masks(scan, tmp_path):
    """They fit into no single map: both segments hold the voxels that they share, and the name says that it reaches over."""
    source, image = scan
    one, other, lungs = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool), labels()
    one[12:18, 5:8, 3:5], other[16:19, 6:9, 3:5] = True, True
    table = study_table(
        {"left lung": lungs == 1, "right lung": lungs == 2},
        {"nodule": one, "oedema": other},
        image=image.voxels[0],
        grid=image.grid,
    )
    answer = Volume(lungs[None], image.grid)
    given = {"task": TASK, "model": MODEL, "labelmap": True}
    files = results.write_dicom(tmp_path / "b.seg.dcm", source, image, answer, table=table, **given)
    marked = read_segmentation(files[1])
    assert [segment_mask(marked, number, image.grid).sum() for number in (1, 2)] == [36, 18]
    nodule = next(one for one in read_measurements(files[2]).groups if one.tracking_id == "nodule 1")
    assert [one.meaning for one in nodule.answered(REACHES)] == ["right lung"]


def test_a_file_of_findings_goes_when_there_are_none_any_more(scan, tmp_path):
    source, image = scan
    problem = Segmentation(TASK)
    for corners, there in ((((5, 8, 3),), True), ((), False)):
        answer = Volume(labels(*corners)[None], image.grid)
        table = problem.measured(image, answer, sure=None)
        files = results.write_dicom(tmp_path / "a.seg.dcm", source, image, answer, task=TASK, model=MODEL, table=table)
        assert ((tmp_path / "a.findings.dcm") in files) is there is (tmp_path / "a.findings.dcm").exists()


def test_noise_is_told_up_to_a_limit_and_said(monkeypatch):
    """The largest of many findings are told one by one; that others are not is a note beside the answer."""
    specks = np.zeros((40, 40, 4), bool)
    specks[::4, ::4, 0] = True
    grid = Grid(specks.shape, np.eye(4))
    table = study_table({}, {"nodule": specks}, image=np.zeros(specks.shape), grid=grid)
    assert coded_findings.doubts_about(table, grid.shape) == () == coded_findings.doubts_about(None, grid.shape)
    monkeypatch.setattr(coded_findings, "MOST_CODED", 30)
    assert [row.number for row in coded_findings.coded(table, grid.shape)] == [*range(1, 31)]
    assert coded_findings.doubts_about(table, grid.shape) == ("the DICOM report tells the 30 largest of 100 findings",)


def test_findings_of_an_answer_to_the_whole_image_stand_beside_it(scan, written, tmp_path):
    """What is told as abnormal has its places, as on the page: a segment and a group each, and an answer as before."""
    source, _ = scan
    _, table, changes, _ = written
    found = {"score": 0.9, "limit": 0.5, "decision": "abnormal", "abnormal_share": 0.1}
    given = {"task": TASK, "table": table, "changes": changes}
    marked, report = results.write_beside(tmp_path / "a.json", source, found, [], MODEL, **given)
    assert (marked.name, report.name) == ("a.findings.dcm", "a.sr.dcm")
    groups = read_measurements(report).groups
    told = {group.tracking_id: group for group in groups}
    assert [one.label for one in read_segmentation(marked).segments] == ["nodule 1", "nodule 2", "nodule 3"]
    assert told["nodule 1"].value(VOLUME, unit=UNITS["ml"]) == pytest.approx(table.findings[0].size)
    assert told["abnormal"].value(CONFIDENCE) == 0.9 and told["abnormal"].value(PROBABILITY) is None
    assert told["abnormal"].answers[0][1].meaning == "Present" and "normal" not in told
    assert "nodule, resolved 1" in told
    nothing = study_table({}, {}, image=scan[1].voxels[0], grid=scan[1].grid)
    (report,) = results.write_beside(tmp_path / "a.json", source, found, [], MODEL, task=TASK, table=nothing)
    assert not marked.exists() and len(read_measurements(report).groups) == 1
