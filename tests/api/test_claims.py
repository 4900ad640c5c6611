"""A scan, or a label that somebody drew, is never overwritten."""

from pathlib import Path

import pytest

from made_folders import made_case, write_json, write_text
from scanwright.api.claims import Answers, is_scores, listed, require_apart, require_free_for_scores
from scanwright.errors import UsageError


def case(name, image):
    return made_case(name, images=(Path(image),))


def test_answers__ours_again_and_nobody_elses(tmp_path):
    target = tmp_path / "a.nii.gz"
    answers = Answers(tmp_path)
    answers.claim({target: case("a", "/in/a.nii.gz")})
    write_text(target, "answer")
    answers.note(target, {"case": "a", "labels": str(target)})
    again = Answers(tmp_path)
    assert again.rows == {"a.nii.gz": {"case": "a", "labels": str(target)}}
    again.claim({target: case("a", "/in/a.nii.gz")})  # ours: allowed
    write_text(tmp_path / "b.nii.gz", "drawn by hand")
    with pytest.raises(UsageError, match="predict did not write them") as caught:
        again.claim(
            {tmp_path / "b.nii.gz": case("b", "/in/b.nii.gz"), tmp_path / "c.nii.gz": case("c", "/in/c.nii.gz")}
        )
    assert caught.value.found == "b.nii.gz"
    assert set(Answers(tmp_path).rows) == {"a.nii.gz"}


def test_answers__files_beside_an_answer_are_nobody_elses_either(tmp_path):
    write_text(tmp_path / "a.sr.dcm", "a scan")
    targets, answers = {tmp_path / "a.json": case("a", "/in/a.dcm")}, Answers(tmp_path)
    with pytest.raises(UsageError, match="predict did not write them") as caught:
        answers.claim(targets, beside=(".sr.dcm", ".explanation.png"))
    assert caught.value.found == "a.sr.dcm" and answers.rows == {}
    answers.claim(targets, beside=(".explanation.png",))
    with pytest.raises(UsageError, match="predict did not write them"):  # nor where the answer itself is ours
        answers.claim(targets, beside=(".sr.dcm",))


def test_answers__what_an_earlier_answer_left_goes_and_all_else_stays(tmp_path):
    one, other, asked = tmp_path / "a.json", tmp_path / "a.nii.gz", case("a", "/in/a.png")
    rows = {
        one.name: {"case": "a", "answer": str(one), "also": [str(tmp_path / "a.found.png")]},
        other.name: {"case": "a", "labels": str(other), "also": [str(tmp_path / "a.overlay.png")]},
    }
    write_json(tmp_path / "predictions.json", {"written_by": "scanwright predict", "predictions": rows})
    for name in (one.name, other.name, "a.found.png", "a.overlay.png", "a.report.html", "a.txt"):
        write_text(tmp_path / name, "x")
    answers = Answers(tmp_path)
    with pytest.raises(UsageError, match="belong to other answers") as caught:
        answers.claim({one: asked}, beside=(".overlay.png",))
    assert caught.value.found == "a.overlay.png"
    with pytest.raises(UsageError, match="predict did not write them"):  # a page that somebody has put there
        answers.claim({one: asked}, beside=(".found.png", ".report.html"))
    answers.claim({one: asked}, beside=(".found.png",))
    assert Answers(tmp_path).rows == rows  # a scan that cannot be read keeps what it has
    answers.clear(one, asked, beside=(".found.png",))
    assert {path.name for path in tmp_path.iterdir()} == {
        "predictions.json", other.name, "a.overlay.png", "a.report.html", "a.txt",
    }  # fmt: skip
    assert Answers(tmp_path).rows[one.name] == {"case": "a", "begun": [".found.png"]}


def test_answers__of_one_that_was_not_finished_all_that_was_begun_is_ours(tmp_path):
    target, asked = tmp_path / "a.json", case("a", "/in/a.png")
    Answers(tmp_path).claim({target: asked}, beside=(".report.html", ".found.png"))
    for name in ("a.report.html", "a.anomaly.png"):
        write_text(tmp_path / name, "x")
    answers = Answers(tmp_path)
    answers.claim({target: asked}, beside=(".found.png",))
    answers.clear(target, asked, beside=(".found.png",))
    assert {path.name for path in tmp_path.iterdir()} == {"predictions.json", "a.anomaly.png"}


def test_answers__what_somebody_draws_in_the_place_of_an_answer_that_there_is_not_is_theirs(tmp_path):
    declined, unread = tmp_path / "a.png", tmp_path / "b.png"
    targets = {declined: case("a", "/in/a.png"), unread: case("b", "/in/b.png")}
    answers = Answers(tmp_path)
    answers.claim(targets, beside=(".report.html",))
    answers.clear(declined, targets[declined], beside=(".report.html",))
    answers.note(declined, {"case": "a", "images": ["/in/a.png"], "also": [str(tmp_path / "a.report.html")]})
    answers.leave(unread)
    answers.leave(declined)  # has a row of its own by now
    assert set(Answers(tmp_path).rows) == {"a.png"}
    for file in targets:
        write_text(file, "drawn by hand")
        with pytest.raises(UsageError, match="predict did not write them") as caught:
            Answers(tmp_path).claim({file: targets[file]}, beside=(".report.html",))
        assert caught.value.found == file.name


def test_answers__killed_while_an_earlier_answer_goes_the_rest_of_it_goes_later(tmp_path, monkeypatch):
    target, asked = tmp_path / "a.json", case("a", "/in/a.png")
    answers = Answers(tmp_path)
    answers.claim({target: asked}, beside=(".report.html",))
    answers.note(target, {"case": "a", "answer": str(target), "also": [str(tmp_path / "a.report.html")]})
    for name in ("a.json", "a.report.html"):
        write_text(tmp_path / name, "x")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            answers.clear(target, asked, beside=(".found.png",))
    again = Answers(tmp_path)
    assert "answer" not in again.rows["a.json"]
    again.claim({target: asked}, beside=(".found.png",))
    again.clear(target, asked, beside=(".found.png",))
    assert {path.name for path in tmp_path.iterdir()} == {"predictions.json"}


def test_answers__of_a_case_that_is_called_as_what_lies_beside_another(tmp_path):
    targets = {tmp_path / "p.png": case("p", "/in/p.png"), tmp_path / "p.found.png": case("p.found", "/in/p.found.png")}
    Answers(tmp_path).claim(targets)
    with pytest.raises(UsageError, match="two files of one name") as caught:
        Answers(tmp_path).claim(targets, beside=(".found.png",))
    assert caught.value.found == "p.found.png"
    write_text(tmp_path / "p.found.png", "an answer")
    answers = Answers(tmp_path)
    answers.clear(tmp_path / "p.png", targets[tmp_path / "p.png"], beside=(".found.png",))
    assert (tmp_path / "p.found.png").exists()


@pytest.mark.parametrize("content", [[], {}, {"predictions": {}}, {"written_by": "somebody", "predictions": {}}])
def test_answers__a_record_of_somebody_else(tmp_path, content):
    write_json(tmp_path / "predictions.json", content)
    with pytest.raises(UsageError, match="somebody else's predictions"):
        Answers(tmp_path)


@pytest.mark.parametrize(
    "rows",
    [None, [], {"p.png": None}, {"p.png": {}}, {"p.png": {"case": 1}}, {"../p.png": {"case": "p"}}]
    + [
        {"q.png": {"case": "q"}, "p.png": {"case": "p", key: found}}
        for key in ("also", "begun")
        for found in (None, "p", [1])
    ],
)
def test_answers__a_record_that_is_damaged_says_nothing_of_what_is_ours(tmp_path, rows):
    write_json(tmp_path / "predictions.json", {"written_by": "scanwright predict", "predictions": rows})
    with pytest.raises(UsageError, match="record of predictions is damaged") as caught:
        Answers(tmp_path)
    assert "q.png" not in caught.value.found


def test_require_apart__two_scans_of_one_name(tmp_path):
    targets = [(tmp_path / "a.nii.gz", case("a", f"/{day}/a.nii.gz")) for day in ("monday", "tuesday")]
    with pytest.raises(UsageError, match="one file") as caught:
        require_apart(targets)
    assert caught.value.found == "/monday/a.nii.gz and /tuesday/a.nii.gz"


def test_require_apart__the_answer_where_the_scan_lies(tmp_path, monkeypatch):
    """By whichever path: relative, or through a link."""
    scan = write_text(tmp_path / "scans/a.nii.gz", "scan")
    (tmp_path / "link").symlink_to(tmp_path / "scans", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "scans", Path("scans"), tmp_path / "link"):
        with pytest.raises(UsageError, match="written over the scan"):
            require_apart([(folder / "a.nii.gz", case("a", scan))])
    assert require_apart([(tmp_path / "out/a.nii.gz", case("a", scan))])


def test_require_apart__links_in_a_circle_are_left_to_the_reader(tmp_path):
    (tmp_path / "a.nii.gz").symlink_to("a.nii.gz")
    assert require_apart([(tmp_path / "out/a.nii.gz", case("a", tmp_path / "a.nii.gz"))])


def test_scores__of_a_run_or_of_somebody(tmp_path):
    require_free_for_scores(tmp_path / "new")
    ours = {"problem": "segmentation", "primary": "dice", "overall": {}, "by_class": {}}
    write_json(tmp_path / "before/metrics.json", ours)
    write_text(tmp_path / "before/cases.csv", "case")
    require_free_for_scores(tmp_path / "before")  # evaluate wrote it: it may again
    write_json(tmp_path / "run/request.json", {"data": "/scans", "seed": 0})
    write_json(tmp_path / "run/metrics.json", ours)
    with pytest.raises(UsageError, match="holds a run"):
        require_free_for_scores(tmp_path / "run")
    write_text(tmp_path / "data/cases.csv", "case,patient\n")
    with pytest.raises(UsageError, match="evaluate did not write it"):
        require_free_for_scores(tmp_path / "data")
    write_text(tmp_path / "page/report.html", "somebody's")
    with pytest.raises(UsageError, match="evaluate did not write it"):
        require_free_for_scores(tmp_path / "page")
    write_json(tmp_path / "other/metrics.json", {"accuracy": 1})
    with pytest.raises(UsageError, match="evaluate did not write it"):
        require_free_for_scores(tmp_path / "other")
    assert not is_scores(write_text(tmp_path / "x.json", "{"))


def test_listed():
    assert listed("ab") == "a, b"
    assert listed("abcdef") == "a, b, c, d and 2 more"
    assert listed([]) == ""
