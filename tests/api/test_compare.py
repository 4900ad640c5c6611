"""The verb `compare`: the same cases or a refusal, what is written, and what it says in words."""

import json
from dataclasses import replace

import pytest

import scanwright
from judged_samples import TASKS, facts_of, rows_of, write_folder
from scanwright import cli
from scanwright.api.case.judged_cases import JUDGED, judged_cases, without_names
from scanwright.api.compare_lines import compared_lines
from scanwright.errors import InputError, UsageError
from scanwright.files import canonical_json
from scanwright.problem.known import problem_of

CROSS, TEST, NEW = "Cross-validation", "Test split", "New data"


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """What is tested here does not hang on the number of draws."""
    monkeypatch.setattr("scanwright.api.compare.SAMPLES", 400)


def folders(tmp_path, kind="segmentation", *, number=24, names=("one", "two"), noises=(0.3, 3.0), **words):
    return [
        write_folder(tmp_path / name, kind, {NEW: rows_of(kind, number=number, noise=noise, seed=k)}, **words)
        for k, (name, noise) in enumerate(zip(names, noises, strict=True))
    ]


@pytest.mark.parametrize("kind", TASKS)
def test_compare__every_kind(kind, tmp_path):
    found = scanwright.compare(folders(tmp_path, kind), out=tmp_path / "out")
    assert json.loads((tmp_path / "out" / "compare.json").read_text()) == json.loads(json.dumps(found))
    assert found["cases"] == 24 and found["problem"] == TASKS[kind].kind
    (pair,) = found["measures"][0]["pairs"]
    assert (pair["first"], pair["second"]) == ("one", "two") and pair["decides"] in pair["p"]
    assert list(found["ranking"]["models"]) == ["one", "two"]
    page = (tmp_path / "out" / "compare.html").read_text()
    assert "one and two" in page and page.count("<svg") == 2
    assert ("Other measures" in page) == (kind != "regression")  # errors alone
    lines = compared_lines(found)
    assert any("ranks first" in line for line in lines) and any("one − two" in line for line in lines)


def test_compare__says_plainly_what_can_be_told_apart(tmp_path):
    found = scanwright.compare(folders(tmp_path, number=40), out=tmp_path / "out", margin=0.01)
    assert found["said"][0].startswith("one and two can be told apart on 40 cases of")
    assert found["said"][1].startswith("one is better than two: one less two is 0.")
    same = [*folders(tmp_path / "b", number=40, noises=(1.0, 1.0)), *folders(tmp_path / "c", number=40)]
    alike = scanwright.compare(same[:2], out=tmp_path / "same")["said"]
    assert "cannot be told apart" in alike[0] and "no proof that they are the same" in alike[0]
    assert "Differences of more than" in alike[1] and "are ruled out" in alike[1]
    wide = scanwright.compare(same[:2], out=tmp_path / "same", margin=0.2)
    assert "They are equivalent within 0.2" in wide["said"][1]
    assert wide["measures"][0]["pairs"][0]["verdict"]["equivalent"] is True
    assert wide["measures"][1]["pairs"][0]["verdict"]["margin"] is None


def test_compare__three_models_against_one(tmp_path):
    three = folders(tmp_path, names=("a", "b", "c"), noises=(1.0, 1.0, 1.0))
    found = scanwright.compare(three, out=tmp_path / "out")
    assert len(found["measures"][0]["pairs"]) == 3 and "Holm for the 3 pairs of models" in found["family"]
    found = scanwright.compare(three, out=tmp_path / "out", against="b")
    assert [(one["first"], one["second"]) for one in found["measures"][0]["pairs"]] == [("a", "b"), ("c", "b")]
    with pytest.raises(UsageError, match="no such model"):
        scanwright.compare(three, out=tmp_path / "out", against="z")


def test_names__given_and_of_folders(tmp_path):
    one, _ = folders(tmp_path / "x")
    other, _ = folders(tmp_path / "y")
    assert list(scanwright.compare([one, other], out=tmp_path / "o")["models"]) == ["x/one", "y/one"]
    named = scanwright.compare([f"first={one}", f"second={other}"], out=tmp_path / "o")
    assert list(named["models"]) == ["first", "second"]
    with pytest.raises(UsageError, match="two models of one name"):
        scanwright.compare([one, one], out=tmp_path / "o")


def test_other_cases__are_refused_or_left_out(tmp_path):
    rows = rows_of("segmentation")
    one = write_folder(tmp_path / "one", "segmentation", {NEW: rows})
    two = write_folder(tmp_path / "two", "segmentation", {NEW: rows[:-4]})
    with pytest.raises(UsageError, match="different cases") as raised:
        scanwright.compare([one, two], out=tmp_path / "out")
    assert "20 in common" in " ".join(raised.value.lines()) and "--common" in raised.value.hint
    assert "c20" in " ".join(raised.value.lines())
    found = scanwright.compare([one, two], out=tmp_path / "out", common=True)
    assert found["cases"] == 20 and found["models"]["one"]["left_out"] == 4
    assert "Left out of what each judged: one 4" in (tmp_path / "out" / "compare.html").read_text()
    none = write_folder(tmp_path / "none", "segmentation", {NEW: [replace(row, case=f"x{row.case}") for row in rows]})
    with pytest.raises(InputError, match="none in common"):
        scanwright.compare([one, none], out=tmp_path / "out", common=True)


def test_other_truth__is_refused(tmp_path):
    rows = rows_of("classification")
    one = write_folder(tmp_path / "one", "classification", {NEW: rows})
    turned = [replace(rows[0], truth=1 - rows[0].truth), *rows[1:]]
    with pytest.raises(InputError, match="different truths") as raised:
        scanwright.compare([one, write_folder(tmp_path / "two", "classification", {NEW: turned})], out=tmp_path / "o")
    assert "c00" in str(raised.value.found)
    masks = rows_of("segmentation")
    one = write_folder(tmp_path / "three", "segmentation", {NEW: masks})
    two = write_folder(tmp_path / "four", "segmentation", {NEW: masks}, facts=facts_of(masks, label=" redrawn"))
    with pytest.raises(InputError, match="different truths"):
        scanwright.compare([one, two], out=tmp_path / "o")


def test_other_images__are_said(tmp_path):
    rows = rows_of("segmentation")
    one = write_folder(tmp_path / "one", "segmentation", {NEW: rows})
    two = write_folder(tmp_path / "two", "segmentation", {NEW: rows}, facts=facts_of(rows, images=" T2"))
    (note,) = scanwright.compare([one, two], out=tmp_path / "o")["notes"]
    assert note.startswith("one and two saw different images of 24 of 24 cases")


def test_other_task_and_other_patients__are_refused(tmp_path):
    one = write_folder(tmp_path / "one", "classification", {NEW: rows_of("classification")})
    two = write_folder(tmp_path / "two", "grades", {NEW: rows_of("grades")})
    with pytest.raises(InputError, match="different questions") as raised:
        scanwright.compare([one, two], out=tmp_path / "o")
    assert "classes well, sick" in raised.value.expected
    alone = [replace(row, patient=row.case) for row in rows_of("classification")]
    with pytest.raises(InputError, match="cases are of one patient"):
        scanwright.compare([one, write_folder(tmp_path / "three", "classification", {NEW: alone})], out=tmp_path / "o")


def test_sets__the_one_that_the_others_judged_too(tmp_path):
    cross, test = rows_of("regression"), [replace(row, case=f"t{row.case}") for row in rows_of("regression", number=12)]
    run = write_folder(tmp_path / "run", "regression", {CROSS: cross, TEST: test})
    other = write_folder(tmp_path / "other", "regression", {CROSS: cross, TEST: test})
    new = write_folder(tmp_path / "new", "regression", {NEW: test})
    assert scanwright.compare([run, other], out=tmp_path / "o")["models"]["run"]["judged_on"] == CROSS
    assert scanwright.compare([run, new], out=tmp_path / "o")["models"]["run"]["judged_on"] == TEST
    assert scanwright.compare([run, other], out=tmp_path / "o", on="test")["cases"] == 12


def test_models_of_one_run(tmp_path):
    rows = rows_of("classification")
    for name in ("cnn", "svm"):
        write_folder(tmp_path / "run" / "trials" / name, "classification", {CROSS: rows})
    found = scanwright.compare([tmp_path / "run"], out=tmp_path / "o")
    assert list(found["models"]) == ["cnn", "svm"] and found["models"]["svm"]["kind"] == "model of a run"


def test_without_names__goes_by_images(tmp_path):
    """What a package holds: no name of a case or a patient, and the same comparison."""
    rows = [replace(row, patient=f"Doe {row.patient}") for row in rows_of("classification")]
    facts = facts_of(rows, label=" drawn")
    plain = judged_cases(problem_of(TASKS["classification"]), {CROSS: rows}, facts)
    hidden = without_names(plain)
    text = canonical_json(hidden).decode()
    assert not any(f'"{name}"' in text for row in rows for name in (row.case, row.patient, "site"))
    poor = [replace(row, patient=f"Doe {row.patient}") for row in rows_of("classification", noise=2.0, seed=1)]
    one = write_folder(tmp_path / "one", "classification", {CROSS: poor}, facts=facts)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / JUDGED).write_bytes(canonical_json(hidden))
    named = write_folder(tmp_path / "three", "classification", {CROSS: rows}, facts=facts)
    found = [scanwright.compare([one, two], out=tmp_path / "o") for two in (tmp_path / "two", named)]
    assert found[0]["measures"][0]["pairs"][0]["p"] == found[1]["measures"][0]["pairs"][0]["p"]


def test_folders__that_hold_nothing(tmp_path):
    one, _ = folders(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        scanwright.compare([one, tmp_path / "nowhere"], out=tmp_path / "o")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no judged cases"):
        scanwright.compare([one, tmp_path / "empty"], out=tmp_path / "o")
    (tmp_path / "empty" / JUDGED).write_text('{"format": "x"}')
    with pytest.raises(InputError, match="not judged cases"):
        scanwright.compare([one, tmp_path / "empty"], out=tmp_path / "o")
    with pytest.raises(UsageError, match="nothing to be compared"):
        scanwright.compare([one], out=tmp_path / "o")
    with pytest.raises(UsageError, match="not a margin"):
        scanwright.compare([one, one], out=tmp_path / "o", margin=-1)
    (tmp_path / "o").mkdir(exist_ok=True)
    (tmp_path / "o" / "compare.html").write_text("mine")
    with pytest.raises(UsageError, match="did not write it"):
        scanwright.compare(folders(tmp_path / "z"), out=tmp_path / "o")


def test_command_line(tmp_path, capsys):
    one, two = folders(tmp_path)
    assert cli.exit_code(["compare", str(one), str(two), "-o", str(tmp_path / "o"), "--margin", "0.05"]) == 0
    said = capsys.readouterr().out
    assert "24 cases of 16 patients, by dice" in said and said.rstrip().endswith("compare.html")
    assert cli.exit_code(["compare", str(one), "-o", str(tmp_path / "o"), "--json"]) == 2
