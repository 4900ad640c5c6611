"""What predict did not write, or somebody changed since, is never overwritten or removed; what it wrote is replaced whole."""

import shutil
from pathlib import Path

import pytest

from made_folders import made_case, write_json, write_text
from scanwright.api import answer_record
from scanwright.api.answer_record import Answers, hash_of_images, learned_from
from scanwright.api.case.answered_case import LEARNED
from scanwright.errors import InputError, ResourceError, UsageError
from scanwright.io.source import ArrayItem, DicomVolume

PAGES = (".report.html", ".found.png")


def case(name, image="/in/none.png"):
    return made_case(name, images=(Path(image),))


def scan(folder, name, content="scan"):
    return case(name, write_text(folder / f"in/{name}.png", content))


def answered(folder, one, *, end=".json", pages=(".report.html",), said="x", answers=None):
    """An answer of a case, put into its place; its file."""
    answers = answers or Answers(folder)
    names = [f"{one.id}{page}" for page in (end, *pages)]
    answers.claim({folder / names[0]: one}, beside=PAGES)
    with answers.stage(one) as stage:
        staged = [write_text(stage / name, f"{said} of {name}") for name in names]
        answers.put(one, {"case": one.id, "images": [str(one.images[0])]}, staged)
    return folder / names[0]


def names(folder):
    return {path.name for path in folder.iterdir() if path.name not in ("predictions.json", "in", "other")}


def test_answers__ours_again_and_nobody_elses(tmp_path):
    one = scan(tmp_path, "a")
    file = answered(tmp_path, one)
    Answers(tmp_path).claim({file: one}, beside=PAGES)  # ours: allowed
    for name in ("b.nii.gz", "c.report.html"):
        write_text(tmp_path / name, "of a person")
        there = case(name[0])
        with pytest.raises(UsageError, match="predict did not write them") as caught:
            Answers(tmp_path).claim({tmp_path / f"{there.id}.nii.gz": there, file: one}, beside=PAGES)
        assert caught.value.found == name
    assert set(Answers(tmp_path).rows) == {"a"}


def test_answers__a_link_to_nothing_is_somebodys(tmp_path):
    (tmp_path / "a.json").symlink_to("not mounted")
    with pytest.raises(UsageError, match="predict did not write them"):
        Answers(tmp_path).claim({tmp_path / "a.json": case("a")})


def test_answers__what_an_earlier_answer_left_goes_and_all_else_stays(tmp_path):
    one, other = scan(tmp_path, "a"), scan(tmp_path, "b")
    answered(tmp_path, one, end=".png", pages=PAGES)
    answered(tmp_path, other)
    write_text(tmp_path / "a.txt", "of a person")
    answered(tmp_path, one, end=".nii.gz", pages=(".found.png",), said="y")
    assert names(tmp_path) == {"a.nii.gz", "a.found.png", "b.json", "b.report.html", "a.txt"}
    assert (tmp_path / "a.found.png").read_text() == "y of a.found.png"
    rows = Answers(tmp_path).rows
    assert set(rows) == {"a", "b"} and set(rows["a"]["written"]) == {"a.nii.gz", "a.found.png"}


@pytest.mark.parametrize("by", ["a text", "a folder", "a link", "a link to nothing"])
@pytest.mark.parametrize("name", ["a.json", "a.report.html"])
def test_answers__one_that_somebody_changed_is_theirs(tmp_path, name, by):
    one = scan(tmp_path, "a")
    file, answers = answered(tmp_path, one), Answers(tmp_path)
    answers.claim({file: one})
    shutil.move(tmp_path / name, tmp_path / "elsewhere")
    if by == "a text":
        write_text(tmp_path / name, "corrected by hand")
    elif by == "a folder":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).symlink_to("elsewhere" if by == "a link" else "not mounted")
    with pytest.raises(UsageError, match="changed since predict wrote them") as caught:
        Answers(tmp_path).claim({file: one})
    assert caught.value.found == name
    there = names(tmp_path)
    with answers.stage(one) as stage, pytest.raises(InputError, match="did not write"):  # or while others were answered
        answers.put(one, {"case": "a"}, [write_text(stage / "a.json", "new")])
    assert names(tmp_path) == there and set(Answers(tmp_path).rows["a"]["written"]) == {"a.json", "a.report.html"}


def test_answers__one_that_somebody_removed_may_be_made_again(tmp_path):
    one = scan(tmp_path, "a")
    answered(tmp_path, one).unlink()
    answered(tmp_path, one)
    assert names(tmp_path) == {"a.json", "a.report.html"}


def test_answers__what_comes_while_others_are_answered_is_not_overwritten(tmp_path):
    one, answers = scan(tmp_path, "a"), Answers(tmp_path)
    answers.claim({tmp_path / "a.json": one}, beside=PAGES)
    write_text(tmp_path / "a.found.png", "of a person")
    with answers.stage(one) as stage, pytest.raises(InputError, match="did not write") as caught:
        answers.put(one, {"case": "a"}, [write_text(stage / name, "x") for name in ("a.json", "a.found.png")])
    assert caught.value.found == "a.found.png" and names(tmp_path) == {"a.found.png"} and answers.rows == {}


def test_answers__what_was_being_written_when_it_was_killed_goes_and_what_a_person_put_there_stays(tmp_path):
    one = scan(tmp_path, "a")
    left = Answers(tmp_path).stage(one)
    write_text(left.__enter__() / "a.json", "half of an answer")  # and killed here
    assert Answers(tmp_path).rows == {} and names(tmp_path) == {".scanwright-answering"}
    answers = Answers(tmp_path)
    answers.claim({tmp_path / "a.json": one})
    with answers.stage(one) as stage:
        assert list(stage.iterdir()) == []
    write_text(tmp_path / "a.json", "drawn by hand")
    with pytest.raises(UsageError, match="predict did not write them"):
        Answers(tmp_path).claim({tmp_path / "a.json": one})


class Killed(BaseException):
    """SIGKILL, of which nothing in the process hears."""


def killed_at(monkeypatch, at, does):
    """Ends at the so-manieth change of the folder; whether it got there."""
    calls, dead = iter(range(100)), []

    def until(change):
        def or_killed(*given, **named):
            if dead or next(calls) == at:
                dead.append(True)
                raise Killed
            return change(*given, **named)

        return or_killed

    with monkeypatch.context() as patch:
        patch.setattr(answer_record, "write_json", until(answer_record.write_json))
        patch.setattr(shutil, "rmtree", until(shutil.rmtree))
        patch.setattr(Path, "unlink", until(Path.unlink))
        patch.setattr(Path, "replace", until(Path.replace))
        try:
            does()
        except Killed:
            return True
    return False


@pytest.mark.parametrize("again", [None, *range(7)])
@pytest.mark.parametrize("at", range(9))
def test_answers__killed_anywhere_it_is_finished_by_the_next_command(tmp_path, monkeypatch, at, again):
    """All of one answer or all of the other, with its row; killed once more while that is finished, too."""
    one = scan(tmp_path, "a")
    file = answered(tmp_path, one, pages=PAGES)
    reached = killed_at(monkeypatch, at, lambda: answered(tmp_path, one, said="y"))
    assert reached == (at < 8), (
        "what it replaces (two), a page that goes, two files, the record (two), the stage: eight steps"
    )
    if again is not None:
        killed_at(monkeypatch, again, lambda: Answers(tmp_path).sweep())
    answers = Answers(tmp_path)
    answers.sweep()
    new = {"a.json", "a.report.html"}
    assert names(tmp_path) == (new if at > 1 else new | {"a.found.png"})
    assert {(tmp_path / name).read_text()[0] for name in names(tmp_path)} == {"x" if at < 2 else "y"}
    assert set(Answers(tmp_path).rows["a"]["written"]) == names(tmp_path)
    answered(tmp_path, one, said="z", answers=answers)
    assert names(tmp_path) == new and file.read_text() == "z of a.json"


@pytest.mark.parametrize("name", ["a.json", "a.report.html", "a.found.png"])
@pytest.mark.parametrize("at", range(2, 8))
def test_answers__what_a_person_put_there_after_a_kill_stays(tmp_path, monkeypatch, at, name):
    one = scan(tmp_path, "a")
    answered(tmp_path, one, pages=PAGES)
    assert killed_at(monkeypatch, at, lambda: answered(tmp_path, one, said="y"))
    write_text(tmp_path / name, "of a person")
    answers = Answers(tmp_path)
    answers.sweep()
    assert (tmp_path / name).read_text() == "of a person" and not (tmp_path / ".scanwright-answering").exists()
    others = {(tmp_path / one).read_text()[0] for one in names(tmp_path) - {name}}
    assert others == ({"x"} if name in answers.rows["a"]["written"] else {"y"})  # as before, while nothing was moved
    with pytest.raises(UsageError, match=r"predict did not write them|changed since"):
        answers.claim({tmp_path / "a.json": one}, beside=PAGES)


def test_answers__stopped_on_the_way_it_is_finished_at_once(tmp_path, monkeypatch):
    one, calls, move = scan(tmp_path, "a"), iter(range(9)), Path.replace

    def interrupted(self, place):
        if next(calls) == 1:
            raise KeyboardInterrupt
        return move(self, place)

    answered(tmp_path, one, pages=PAGES)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            answered(tmp_path, one, said="y")
    assert names(tmp_path) == {"a.json", "a.report.html"} == set(Answers(tmp_path).rows["a"]["written"])


def test_answers__what_a_killed_writer_left_goes(tmp_path):
    write_text(tmp_path / ".predictions.json.abc.part", "{")
    write_text(tmp_path / ".answering/notes.txt", "of a person")
    Answers(tmp_path).sweep()
    answered(tmp_path, scan(tmp_path, "a"))
    assert names(tmp_path) == {".answering", "a.json", "a.report.html"}


def test_answers__a_scan_that_changes_or_goes_while_it_is_answered(tmp_path):
    one, answers = scan(tmp_path, "a"), Answers(tmp_path)
    for change in (lambda file: write_text(file, "another patient's"), Path.unlink):
        with answers.stage(one) as stage, pytest.raises(InputError, match="changed while it was answered"):
            change(one.images[0])
            answers.put(one, {"case": "a"}, [write_text(stage / "a.json", "x")])
    assert answers.rows == {} and names(tmp_path) == set()


@pytest.mark.parametrize("what", ["a file", "a link"])
def test_answers__something_else_has_the_name_of_the_stage(tmp_path, what):
    stage, one = tmp_path / ".scanwright-answering", scan(tmp_path, "a")
    (tmp_path / "other").mkdir()
    if what == "a file":
        write_text(stage, "of a person")
    else:
        stage.symlink_to("other")
    with pytest.raises(UsageError, match="a folder of this name"):
        answered(tmp_path, one)
    assert stage.exists() and (tmp_path / "other").is_dir()


@pytest.mark.parametrize("what", ["a folder", "a link to nothing"])
def test_answers__something_else_has_the_name_of_the_record(tmp_path, what):
    record = tmp_path / "predictions.json"
    _ = record.mkdir() if what == "a folder" else record.symlink_to("not mounted")
    with pytest.raises(UsageError, match="somebody else's predictions"):
        Answers(tmp_path)


def test_learned_from__is_of_the_very_images_that_were_answered(tmp_path):
    one, other = scan(tmp_path, "a"), scan(tmp_path, "b", "another")
    answers = Answers(tmp_path)
    for case_ in (one, other):
        with answers.stage(case_):
            answers.put(case_, {"case": case_.id, "notes": [str(LEARNED)] if case_ is one else ["else"]}, [])
    assert learned_from(tmp_path, [one, other]) == ["a"]
    write_text(tmp_path / "in/a.png", "another image")
    assert learned_from(tmp_path, [one, other]) == [] == learned_from(tmp_path / "in", [one])
    write_text(tmp_path / ".scanwright-answering/.turn.json", "{}")
    with pytest.raises(UsageError, match="not brought to its place"):
        learned_from(tmp_path, [one])


def test_answers__a_record_that_cannot_be_written_changes_nothing(tmp_path, monkeypatch):
    one = scan(tmp_path, "a")
    file, answers = answered(tmp_path, one), Answers(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(answer_record, "write_json", lambda *_: (_ for _ in ()).throw(ResourceError("the disk is full")))
        with pytest.raises(ResourceError):
            answered(tmp_path, one, said="y", answers=answers)
    assert file.read_text() == "x of a.json" and answers.rows == Answers(tmp_path).rows
    answered(tmp_path, one, said="y", answers=answers)
    assert file.read_text() == "y of a.json"


def test_answers__what_somebody_draws_in_the_place_of_a_declined_answer_is_theirs(tmp_path):
    one, answers = scan(tmp_path, "a"), Answers(tmp_path)
    with answers.stage(one) as stage:
        answers.put(one, {"case": "a"}, [write_text(stage / "a.report.html", "declined")])
    write_text(tmp_path / "a.png", "drawn by hand")
    with pytest.raises(UsageError, match="predict did not write them") as caught:
        Answers(tmp_path).claim({tmp_path / "a.png": one}, beside=PAGES)
    assert caught.value.found == "a.png"


def test_answers__of_a_case_that_is_called_as_what_lies_beside_another(tmp_path):
    one, other = scan(tmp_path, "p"), scan(tmp_path, "p.found")
    targets = {tmp_path / "p.png": one, tmp_path / "p.found.png": other}
    with pytest.raises(UsageError, match="two files of one name") as caught:
        Answers(tmp_path).claim(targets, beside=PAGES)
    assert caught.value.found == "p.found.png"
    answered(tmp_path, other, end=".png", pages=())
    with pytest.raises(UsageError, match="belong to other answers"):
        Answers(tmp_path).claim({tmp_path / "p.png": one}, beside=PAGES)


def test_answers__a_scan_that_is_called_as_the_record(tmp_path):
    with pytest.raises(UsageError, match="called as the record"):
        Answers(tmp_path).claim({tmp_path / "predictions.json": case("predictions")})


def test_answers__of_another_scan_of_the_same_name(tmp_path, monkeypatch):
    one = scan(tmp_path, "a")
    file = answered(tmp_path, one)
    write_text(tmp_path / "other/a.png", "another scan")
    monkeypatch.chdir(tmp_path / "other")
    for other in (case("a", tmp_path / "other/a.png"), case("a", "a.png")):
        with pytest.raises(UsageError, match="another scan of this name") as caught:
            Answers(tmp_path).claim({file: other})
        assert caught.value.found == "a"
    Answers(tmp_path).claim({file: case("a", shutil.copy(one.images[0], tmp_path / "other/b.png"))})  # moved
    Answers(tmp_path).claim({file: case("a", tmp_path / "gone.png")})  # the reader will say so
    write_text(one.images[0], "made anew, or another patient's")
    with pytest.raises(UsageError, match="another scan of this name"):
        Answers(tmp_path).claim({file: one})


def test_images_are_known_by_their_files(tmp_path):
    files = tuple(write_text(tmp_path / f"{n}.dcm", f"slice {n}") for n in range(3))

    def hash_of(*images):
        return hash_of_images(images, {})

    assert hash_of(DicomVolume(files)) == hash_of(DicomVolume(files[::-1])) != hash_of(DicomVolume(files[:2]))
    assert hash_of(*files[:2]) != hash_of(*files[1::-1])  # channels have an order
    assert hash_of(ArrayItem(files[0], "train_images", 0)) != hash_of(ArrayItem(files[0], "train_images", 1))


@pytest.mark.parametrize("content", [[], {}, {"predictions": {}}, {"written_by": "somebody", "predictions": {}}])
def test_answers__a_record_of_somebody_else(tmp_path, content):
    write_json(tmp_path / "predictions.json", content)
    with pytest.raises(UsageError, match="somebody else's predictions"):
        Answers(tmp_path)


SOUND = {"case": "p", "images_sha256": "0", "written": {"p.png": "0"}}


@pytest.mark.parametrize(
    "rows",
    [None, [], {"p": None}, {"p": {}}, {"p": {**SOUND, "case": 1}}, {"q": SOUND}]
    + [
        {"q": {"case": "q"}, "p": {**SOUND, "written": found}}
        for found in (None, ["p.png"], {"p.png": None}, {"../p.png": "0"}, {"/etc/passwd": "0"})
    ]
    + [{"p": {**SOUND, "images_sha256": None}}],
)
def test_answers__a_record_that_is_damaged_says_nothing_of_what_is_ours(tmp_path, rows):
    write_json(tmp_path / "predictions.json", {"written_by": "scanwright predict", "predictions": rows})
    with pytest.raises(UsageError, match="record of predictions is damaged") as caught:
        Answers(tmp_path)
    assert "q" not in caught.value.found or rows == {"q": SOUND}


def test_answers__a_record_that_is_sound(tmp_path):
    write_json(tmp_path / "predictions.json", {"written_by": "scanwright predict", "predictions": {"p": SOUND}})
    assert Answers(tmp_path).rows == {"p": SOUND}
