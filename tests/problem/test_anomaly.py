"""Answers about what is abnormal: kept, judged and told."""

import csv
import io
import json

import numpy as np
import pytest

from made_folders import write_nifti
from scanwright.dataset.cases import Case, Classes
from scanwright.dataset.task import Channel, Region, Task
from scanwright.errors import InputError
from scanwright.findings.regions import Regions
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.problem.anomaly import MAPS, Anomaly
from scanwright.problem.known import KINDS
from scanwright.problem.normals.answer import AT_LIMIT, AnomalyAnswer

SHAPE = (12, 14, 6)
TASK = Task(
    name="t",
    kind="anomaly",
    channels=(Channel(name="ct", modality="ct"),),
    classes=("normal", "abnormal"),
    regions=(Region(name="liver", values=(1,)), Region(name="cyst", values=(3,)), Region(name="tumour", values=(4,))),
    findings=("cyst", "tumour"),
    ignore=9,
)


def answer(*places, chance=0.9, at=160):
    """An answer that finds something at these places."""
    grades = np.full((1, *SHAPE), 100, np.uint8)
    for place in places:
        grades[0][place] = at
    return AnomalyAnswer(
        np.array([1 - chance, chance], np.float32), Volume(grades, Grid(SHAPE, np.diag([2, 2, 5, 1.0])))
    )


HERE = (slice(2, 6), slice(2, 6), slice(1, 3))
THERE = (slice(9, 11), slice(9, 11), slice(4, 6))
UNJUDGED = (slice(0, 2), slice(12, 14), slice(0, 2))


def case(tmp_path, *places, name="a"):
    """A case in whose label these places are outlined."""
    label = np.full(SHAPE, 1, np.uint8)
    for place in places:
        label[place] = 4
    label[UNJUDGED] = 9
    write_nifti(tmp_path / f"{name}.nii.gz", label, np.diag([2.0, 2.0, 5.0, 1.0]))
    told = Classes(names=("abnormal" if places else "normal",))
    return Case(id=name, images=(tmp_path / "x.nii.gz",), label=tmp_path / f"{name}.nii.gz", target=told, patient=name)


def test_answer__is_kept_with_its_map(tmp_path):
    problem, kept = Anomaly(TASK), answer(HERE)
    problem.write(tmp_path / "a.json", kept)
    assert (tmp_path / f"a{MAPS[1]}").is_file()
    found = problem.read(tmp_path / "a.json")
    np.testing.assert_array_equal(found.grades.voxels, kept.grades.voxels)
    np.testing.assert_allclose(found.chances, kept.chances, rtol=1e-6)
    told = json.loads((tmp_path / "a.json").read_text())
    assert told == {"problem": "anomaly", "score": pytest.approx(0.9), "limit": 0.5}  # no probability of anything
    for wrong in (1.5, "high", None):
        (tmp_path / "a.json").write_text(json.dumps(told | {"score": wrong}))
        with pytest.raises(InputError, match="not an answer"):
            problem.read(tmp_path / "a.json")
    (tmp_path / f"a{MAPS[1]}").unlink()
    with pytest.raises(InputError, match="no map beside"):
        problem.read(tmp_path / "a.json")


def test_answer__of_an_earlier_version_is_read(tmp_path):
    problem, kept = Anomaly(TASK), answer(HERE)
    problem.write(tmp_path / "a.json", kept)
    (tmp_path / "a.json").write_text(json.dumps({"answer": {"normal": 0.1, "abnormal": 0.9}}))
    row = problem.judged(case(tmp_path, HERE), tmp_path / "a.json")
    assert row.decision == 1 and row.probabilities[1] == pytest.approx(0.9)


def test_found__a_score_with_its_limit_and_no_probability():
    problem = Anomaly(TASK)
    unusual, usual = problem.found(answer(HERE, chance=0.75)), problem.found(answer(chance=0.25))
    assert unusual == {
        "score": 0.75,
        "limit": 0.5,
        "decision": "abnormal",
        "abnormal_share": pytest.approx(32 / 1008, abs=1e-6),
    }
    assert (usual["decision"], problem.found(answer(chance=0.5))["decision"]) == ("normal", "normal")
    assert problem.line(unusual) == "above the limit  (score 0.750, limit 0.5), 3.17 % of the image"


def test_table__lesions_can_be_counted_from_it(tmp_path):
    problem = Anomaly(TASK)
    rows = [
        problem.row(case(tmp_path, HERE, THERE, name="a"), answer(HERE, UNJUDGED, chance=0.9), fold=0),
        problem.row(case(tmp_path, name="n"), answer(THERE, chance=0.25), fold=1),
        problem.row(case(tmp_path).model_copy(update={"label": None}), answer(chance=0.25), fold=1),
    ]
    first, second, third = csv.DictReader(io.StringIO(problem.table(rows)))
    assert (first["truth"], first["decision"], second["score"]) == ("abnormal", "abnormal", "0.25")
    words = ("true_lesions", "found_lesions", "lesion_hits", "false_lesions")
    assert [[row[f"{word}[abnormal]"] for word in words] for row in (first, second, third)] == [
        ["2", "1", "1", "0"], ["0", "1", "0", "1"], [""] * 4
    ]  # fmt: skip
    summary = problem.summary(rows, [], seed=0)["findings"]["overall"]
    assert summary["lesion_sensitivity"]["mean"] == int(first["lesion_hits[abnormal]"]) / 2
    header = problem.table(rows[2:]).splitlines()[0]  # nothing was outlined
    assert header == "case,patient,fold,truth,decision,score"


def test_answer__the_limit_itself_is_not_abnormal():
    assert not answer(HERE, at=AT_LIMIT).mask.any()
    assert answer(HERE, at=AT_LIMIT + 1).mask.sum() == 32
    assert answer(HERE, at=AT_LIMIT).sure.max() == pytest.approx(0.5)


def test_row__findings_are_matched_where_something_was_outlined(tmp_path):
    problem = Anomaly(TASK)
    row = problem.row(case(tmp_path, HERE), answer(HERE, THERE, UNJUDGED), fold=1)
    assert (row.truth, row.decision, row.fold) == (1, 1, 1)
    lesions = row.lesions["abnormal"]
    assert (lesions.hits, lesions.false) == (1, 1)
    assert lesions.true_sizes.tolist() == pytest.approx([32 * 20 / 1000])
    without = problem.row(case(tmp_path).model_copy(update={"label": None}), answer(chance=0.1), fold=0)
    assert not without.lesions and without.decision == 0
    partly = case(tmp_path, HERE).model_copy(update={"judged": ("liver", "tumour")})
    assert not problem.row(partly, answer(HERE), fold=0).lesions


def test_summary__of_cases_and_of_findings(tmp_path):
    problem = Anomaly(TASK)
    rows = [
        *(problem.row(case(tmp_path, name=f"n{k}"), answer(chance=0.1 + 0.01 * k), fold=0) for k in range(4)),
        *(problem.row(case(tmp_path, HERE, name=f"a{k}"), answer(HERE, chance=0.8), fold=0) for k in range(3)),
        problem.row(case(tmp_path, HERE, name="missed"), answer(chance=0.05), fold=0),
    ]
    found = problem.summary(rows, [], seed=0)
    assert found["problem"] == "anomaly" and found["overall"]["auroc"]["mean"] == pytest.approx(12 / 16)
    assert found["overall"]["sensitivity"]["mean"] == 0.75 and found["overall"]["specificity"]["mean"] == 1.0
    assert found["findings"]["overall"]["lesion_sensitivity"]["mean"] == 0.75
    assert found["findings"]["overall"]["false_lesions_per_case"]["mean"] == 0.0


def test_summary__of_normal_cases_alone_tells_false_alarms(tmp_path):
    problem = Anomaly(TASK)
    rows = [problem.row(case(tmp_path, name=f"n{k}"), answer(chance=0.9 if k == 0 else 0.1), fold=0) for k in range(5)]
    overall = problem.summary(rows, [], seed=0)["overall"]
    assert overall["auroc"]["mean"] is None and overall["specificity"]["mean"] == 0.8


def test_learns__from_what_is_normal_alone(tmp_path):
    problem = Anomaly(TASK)
    assert problem.learns(case(tmp_path)) and not problem.learns(case(tmp_path, HERE))
    assert all(kind(TASK).learns(case(tmp_path, HERE)) for name, kind in KINDS.items() if name == "classification")


def test_doubts__unusual_as_a_whole():
    assert "unusual as a whole, and in no place by itself" in Anomaly(TASK).doubts(answer(chance=0.97))
    assert not Anomaly(TASK).doubts(answer(HERE, chance=0.97))
    (near,) = Anomaly(TASK).doubts(answer(HERE, chance=0.52))
    assert near == "the score 0.52 is near 0.5, above which an image is told as abnormal"


def test_study__every_part_that_is_abnormal():
    image = Volume(np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32), answer().grades.grid)
    part = Anomaly(TASK).study(image, answer(HERE, THERE), sure=None)
    assert part.table is not None
    assert [row.size for row in part.table.findings] == pytest.approx([0.64, 0.16])
    assert part.table.findings[0].confidence == pytest.approx(1 / (1 + np.exp(-2)), abs=0.01)
    assert part.answers == {"": "abnormal", "score": "0.90"}


def test_among__what_is_abnormal_lies_in_regions():
    grid = answer().grades.grid
    left = np.zeros(SHAPE, np.bool_)
    left[:8] = True
    image = Volume(np.zeros((1, *SHAPE), np.float32), grid)
    among = Anomaly(TASK).among(answer(HERE, THERE), Regions({"left": left}, grid))
    part = Anomaly(TASK).study(image, among, sure=None)
    table = part.table
    assert not part.with_findings  # nothing is cut out of regions that another model has found
    assert part.picture_of(1).caption == "left"
    assert [row.region for row in table.findings] == ["left", ""]
    assert [row.name for row in table.regions] == ["left"] and table.regions[0].burden == pytest.approx(32 / left.sum())
    assert Anomaly(TASK).measured(image, among, sure=None).regions == table.regions
    assert Anomaly(TASK).found(among)["regions"]["sizes"] == {"left": pytest.approx(left.sum() * 20 / 1000)}
    assert "regions" not in Anomaly(TASK).found(answer(HERE))


def test_study__the_map_is_shown_and_outlines_only_where_there_are_some():
    image = Volume(np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32), answer().grades.grid)
    usual = Anomaly(TASK).study(image, answer(chance=0.1), sure=None)
    assert [one.shows for one in usual.images] == ["distance"]
    part = Anomaly(TASK).study(image, answer(HERE), sure=None)
    assert [one.shows for one in part.images] == ["numbered", "distance"] and part.picture_of(1).finding == 1
    assert all(one.window is not None for one in part.images)
