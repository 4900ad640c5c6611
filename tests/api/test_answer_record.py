"""What predict did not write, or somebody changed since, is never overwritten or removed; what it wrote is replaced whole."""

import shutil
from pathlib import Path

import pytest

from made_folders import made_case, write_json, write_text
from scanwright.api.answer_record import Answers
from scanwright.errors import InputError, UsageError
from scanwright.io.source import ArrayItem, DicomVolume

PAGES = (".report.html", ".found.png")


def case(name, image="/in/none.png"):
    return made_case(name, images=(Path(image),))


def scan(folder, name, content="scan"):
    return case(name, write_text(folder / f"in/{name}.png", content))


def answered(folder, one, *, end=".json", pages=(".report.html",), said="x"):
    """An answer of a case, written whole."""
    file, answers = folder / f"{one.id}{end}", Answers(folder)
    answers.claim({file: one}, beside=PAGES)
    answers.begin(file, one, beside=PAGES)
    files = [file, *(folder / f"{one.id}{page}" for page in pages)]
    for written in files:
        write_text(written, f"{said} of {written.name}")
    answers.note(one, {"case": one.id, "images": [str(one.images[0])]}, files)
    answers.leave(one)  # is whole, and stays
    return file


def names(folder):
    return {path.name for path in folder.iterdir() if path.is_file()} - {"predictions.json"}


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
    answers = Answers(tmp_path)
    answers.claim({tmp_path / "a.nii.gz": one}, beside=PAGES)
    assert "a.png" in names(tmp_path)  # until there is an answer
    answers.begin(tmp_path / "a.nii.gz", one, beside=PAGES)
    assert names(tmp_path) == {"b.json", "b.report.html", "a.txt"}
    answers.leave(one)
    assert set(Answers(tmp_path).rows) == {"b"}


def test_answers__one_that_somebody_changed_is_theirs(tmp_path):
    one = scan(tmp_path, "a")
    file = answered(tmp_path, one)
    answers = Answers(tmp_path)
    answers.claim({file: one})
    for changed in ("a.json", "a.report.html"):
        before = (tmp_path / changed).read_text()
        write_text(tmp_path / changed, "corrected by hand")
        with pytest.raises(UsageError, match="changed since predict wrote them") as caught:
            Answers(tmp_path).claim({file: one})
        assert caught.value.found == changed
        with pytest.raises(InputError, match="did not write"):  # or while others were answered
            answers.begin(file, one)
        assert (tmp_path / changed).read_text() == "corrected by hand"
        write_text(tmp_path / changed, before)


def test_answers__what_comes_while_others_are_answered_is_not_overwritten(tmp_path):
    one, answers = scan(tmp_path, "a"), Answers(tmp_path)
    answers.claim({tmp_path / "a.json": one}, beside=PAGES)
    write_text(tmp_path / "a.found.png", "of a person")
    with pytest.raises(InputError, match="did not write") as caught:
        answers.begin(tmp_path / "a.json", one, beside=PAGES)
    answers.leave(one)
    assert caught.value.found == "a.found.png" and names(tmp_path) == {"a.found.png"}


def test_answers__of_one_that_was_begun_and_killed_all_is_ours_and_of_those_not_begun_nothing(tmp_path):
    one, next_one = scan(tmp_path, "a"), scan(tmp_path, "b")
    targets = {tmp_path / "a.json": one, tmp_path / "b.json": next_one}
    answers = Answers(tmp_path)
    answers.claim(targets, beside=PAGES)
    answers.begin(tmp_path / "a.json", one, beside=PAGES)
    write_text(tmp_path / "a.report.html", "half of an answer")  # and killed here
    Answers(tmp_path).claim(targets, beside=PAGES)
    write_text(tmp_path / "b.json", "of a person")
    with pytest.raises(UsageError, match="predict did not write them") as caught:
        Answers(tmp_path).claim(targets, beside=PAGES)
    assert caught.value.found == "b.json"
    again = Answers(tmp_path)
    again.begin(tmp_path / "a.json", one)
    assert names(tmp_path) == {"b.json"}


def test_answers__one_that_fails_leaves_nothing(tmp_path):
    one, answers = scan(tmp_path, "a"), Answers(tmp_path)
    answers.leave(one)
    assert not (tmp_path / "predictions.json").exists()
    answers.begin(tmp_path / "a.json", one, beside=PAGES)
    write_text(tmp_path / "a.report.html", "half of an answer")
    answers.leave(one)
    assert names(tmp_path) == set() and Answers(tmp_path).rows == {}


def test_answers__what_somebody_draws_in_the_place_of_a_declined_answer_is_theirs(tmp_path):
    one, answers = scan(tmp_path, "a"), Answers(tmp_path)
    answers.begin(tmp_path / "a.png", one, beside=PAGES)
    page = write_text(tmp_path / "a.report.html", "declined")
    answers.note(one, {"case": "a", "images": [str(one.images[0])]}, [page])
    write_text(tmp_path / "a.png", "drawn by hand")
    with pytest.raises(UsageError, match="predict did not write them") as caught:
        Answers(tmp_path).claim({tmp_path / "a.png": one}, beside=PAGES)
    assert caught.value.found == "a.png"


def test_answers__killed_while_an_earlier_answer_goes_the_rest_of_it_goes_later(tmp_path, monkeypatch):
    one = scan(tmp_path, "a")
    file, answers = answered(tmp_path, one), Answers(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            answers.begin(file, one, beside=(".found.png",))
    again = Answers(tmp_path)
    again.claim({file: one}, beside=(".found.png",))
    again.begin(file, one, beside=(".found.png",))
    assert names(tmp_path) == set()


def test_answers__of_a_case_that_is_called_as_what_lies_beside_another(tmp_path):
    one, other = scan(tmp_path, "p"), scan(tmp_path, "p.found")
    targets = {tmp_path / "p.png": one, tmp_path / "p.found.png": other}
    with pytest.raises(UsageError, match="two files of one name") as caught:
        Answers(tmp_path).claim(targets, beside=PAGES)
    assert caught.value.found == "p.found.png"
    killed = Answers(tmp_path)
    killed.begin(tmp_path / "p.png", one, beside=PAGES)
    answered(tmp_path, other, end=".png", pages=())
    with pytest.raises(UsageError, match="belong to other answers"):
        Answers(tmp_path).claim({tmp_path / "p.png": one}, beside=PAGES)
    Answers(tmp_path).begin(tmp_path / "p.png", one, beside=(".report.html",))
    assert names(tmp_path) == {"p.found.png"}


def test_answers__a_scan_that_is_called_as_the_record(tmp_path):
    with pytest.raises(UsageError, match="called as the record"):
        Answers(tmp_path).claim({tmp_path / "predictions.json": case("predictions")})


def test_answers__of_another_scan_of_the_same_name(tmp_path):
    one = scan(tmp_path, "a")
    file = answered(tmp_path, one)
    other = case("a", write_text(tmp_path / "other/a.png", "another scan"))
    with pytest.raises(UsageError, match="another scan of this name") as caught:
        Answers(tmp_path).claim({file: other})
    assert caught.value.found == "a"
    moved = case("a", shutil.copy(one.images[0], tmp_path / "moved.png"))
    Answers(tmp_path).claim({file: moved})
    write_text(one.images[0], "made anew")
    Answers(tmp_path).claim({file: one})
    Answers(tmp_path).claim({file: case("a", tmp_path / "gone.png")})  # the reader will say so


def test_answers__images_are_known_by_their_files(tmp_path):
    files = tuple(write_text(tmp_path / f"{n}.dcm", f"slice {n}") for n in range(3))
    hash_of = Answers(tmp_path)._hash_of
    assert hash_of([DicomVolume(files)]) == hash_of([DicomVolume(files[::-1])]) != hash_of([DicomVolume(files[:2])])
    assert hash_of(files[:2]) != hash_of(files[1::-1])  # channels have an order
    items = [ArrayItem(files[0], "train_images", n) for n in range(2)]
    assert hash_of(items[:1]) != hash_of(items[1:])


@pytest.mark.parametrize("content", [[], {}, {"predictions": {}}, {"written_by": "somebody", "predictions": {}}])
def test_answers__a_record_of_somebody_else(tmp_path, content):
    write_json(tmp_path / "predictions.json", content)
    with pytest.raises(UsageError, match="somebody else's predictions"):
        Answers(tmp_path)


SOUND = {"case": "p", "images": ["in/p.png"], "images_sha256": "0", "written": {"p.png": "0"}, "begun": ["p.png"]}


@pytest.mark.parametrize(
    "rows",
    [None, [], {"p": None}, {"p": {}}, {"p": {**SOUND, "case": 1}}, {"q": SOUND}]
    + [{"q": {"case": "q"}, "p": {**SOUND, key: found}} for key in ("images", "begun") for found in (None, "p", [1])]
    + [{"p": {**SOUND, "written": found}} for found in (None, ["p.png"], {"p.png": None}, {"../p.png": "0"})]
    + [{"p": {**SOUND, "images_sha256": None}}, {"p": {**SOUND, "begun": ["/etc/passwd"]}}],
)
def test_answers__a_record_that_is_damaged_says_nothing_of_what_is_ours(tmp_path, rows):
    write_json(tmp_path / "predictions.json", {"written_by": "scanwright predict", "predictions": rows})
    with pytest.raises(UsageError, match="record of predictions is damaged") as caught:
        Answers(tmp_path)
    assert "q" not in caught.value.found or rows == {"q": SOUND}


def test_answers__a_record_that_is_sound(tmp_path):
    write_json(tmp_path / "predictions.json", {"written_by": "scanwright predict", "predictions": {"p": SOUND}})
    assert Answers(tmp_path).rows == {"p": SOUND}
