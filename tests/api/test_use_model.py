"""Answering scans with a package: on the scan's own grid, nothing overwritten, one bad scan stopping no other."""

import json
import shutil
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

import scanwright as package
from made_folders import AFFINE, ball, made_case, made_task, picture_folder, write_nifti, write_text
from scanwright.api.case import opened, packaged
from scanwright.api.case.answer_case import Prediction
from scanwright.api.case.answered_case import of_training
from scanwright.api.case.opened import open_model
from scanwright.api.run.lock import alone
from scanwright.api.use_model import predict, unanswered, verify
from scanwright.dataset.images import read_case_image
from scanwright.dataset.task import parse_task
from scanwright.errors import InputError, IntegrityError, ResourceError, UsageError
from scanwright.files import sha256_file
from scanwright.inference import volume
from scanwright.plan.plan import plan_from_json
from scanwright.problem.segmentation import Segmentation

OBLIQUE = np.array([[0.0, -1.2, 0.1, 30.0], [0.9, 0.0, 0.0, -20.0], [0.0, 0.1, -2.0, 5.0], [0.0, 0.0, 0.0, 1.0]])


@pytest.fixture
def scans(tmp_path):
    """Three scans on three grids: another shape, another spacing, oblique."""
    shapes = {"a": (12, 10, 8), "b": (20, 9, 7), "c": (11, 13, 5)}
    affines = {"a": np.diag((1.0, 1.0, 2.0, 1.0)), "b": np.diag((-0.8, 0.7, 3.0, 1.0)), "c": OBLIQUE}
    for number, name in enumerate(shapes):
        write_nifti(tmp_path / f"in/{name}.nii.gz", ball(number, shape=shapes[name])[0], affines[name])
    return tmp_path / "in"


def test_predict__a_file(finished, scans, tmp_path):
    (found,) = package.predict(finished.model, scans / "c.nii.gz", out=tmp_path / "out", device="cpu")
    assert isinstance(found, Prediction)
    assert (found.case, found.images, found.found["unit"]) == ("c", (scans / "c.nii.gz",), "ml")
    assert found.file == tmp_path / "out/c.nii.gz"
    assert found.seconds > 0
    labels = nib.load(found.file)
    voxel_ml = abs(np.linalg.det(OBLIQUE[:3, :3])) / 1000
    voxels = np.asarray(labels.dataobj)
    assert found.found["volumes"] == pytest.approx(
        {"liver": (voxels == 1).sum() * voxel_ml, "tumour": (voxels == 2).sum() * voxel_ml}, rel=1e-5
    )


def test_predict__on_the_scans_own_grid(finished, scans, tmp_path):
    found = predict(finished.model, [scans], out=tmp_path / "out")
    assert [one.case for one in found] == ["a", "b", "c"]
    for one in found:
        scan, labels = nib.load(one.images[0]), nib.load(one.file)
        assert labels.shape == scan.shape
        assert np.array_equal(labels.affine, scan.affine)
        assert labels.get_data_dtype() == np.uint8
        assert set(np.unique(np.asarray(labels.dataobj))) <= {0, 1, 2}


def test_predict__the_same_as_in_the_run(finished, tmp_path):
    """The package's answer is the held-out answer of the run, byte for byte: one fold, one network."""
    held_out = sorted((finished.run / "predictions").glob("*.nii.gz"))
    files = [finished.data / "imagesTr" / path.name.replace(".nii.gz", "_0000.nii.gz") for path in held_out]
    found = predict(finished.model, files, out=tmp_path / "out")
    assert [one.file.read_bytes() for one in found] == [path.read_bytes() for path in held_out]


def test_predict__files_and_folders_together(finished, scans, tmp_path):
    single = write_nifti(tmp_path / "other/d_0000.nii.gz", ball(3)[0])
    found = predict(finished.model, [single, scans], out=tmp_path / "out")
    assert [one.case for one in found] == ["d", "a", "b", "c"]
    record = json.loads((tmp_path / "out/predictions.json").read_text())
    assert record["written_by"] == "scanwright predict"
    row = record["predictions"]["d"]
    assert row.items() >= found[0].to_json().items()
    assert row["written"] == {"d.nii.gz": sha256_file(found[0].file)}
    assert {row["package"] for row in record["predictions"].values()} == {verify(finished.model)["digest"]}
    assert set(record["predictions"]) == set("abcd")


def test_predict__again_into_the_same_folder(finished, scans, tmp_path):
    first = predict(finished.model, scans / "a.nii.gz", out=tmp_path / "out")
    before = first[0].file.read_bytes()
    predict(finished.model, scans, out=tmp_path / "out")
    assert first[0].file.read_bytes() == before


def test_predict__never_over_a_scan_or_a_drawn_label(finished, scans, tmp_path):
    before = {path: path.read_bytes() for path in scans.iterdir()}
    with pytest.raises(UsageError, match="written over the scan"):
        predict(finished.model, scans, out=scans)
    drawn = write_nifti(tmp_path / "labels/b.nii.gz", ball(1)[1])
    held = drawn.read_bytes()
    with pytest.raises(UsageError, match="predict did not write them"):
        predict(finished.model, scans, out=tmp_path / "labels")
    assert {path: path.read_bytes() for path in scans.iterdir()} == before
    assert [path.name for path in (tmp_path / "labels").iterdir()] == ["b.nii.gz"]
    assert drawn.read_bytes() == held


def test_predict__one_bad_scan_of_four(finished, scans, tmp_path):
    write_text(scans / "b2.nii.gz", "not an image")
    told = []
    with pytest.raises(InputError, match="1 of 4 scans could not be answered") as caught:
        predict(finished.model, scans, out=tmp_path / "out", tell=told.append)
    assert len(caught.value.details) == 1
    assert "b2.nii.gz" in caught.value.details[0]
    assert str(tmp_path / "out") in caught.value.hint
    assert sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz")) == ["a.nii.gz", "b.nii.gz", "c.nii.gz"]
    assert (told[-1].done, told[-1].total) == (4, 4)


def test_predict__not_one_of_two(finished, tmp_path):
    """Then there are no others to be spoken of, and nothing is known of their memory."""
    for name in "ab":
        write_text(tmp_path / f"in/{name}.nii.gz", "not an image")
    told = []
    with pytest.raises(InputError, match="2 of 2 scans could not be answered") as caught:
        predict(finished.model, tmp_path / "in", out=tmp_path / "out", tell=told.append)
    assert caught.value.hint is None
    assert not any(progress.note for progress in told)


def test_unanswered__a_reason_that_several_share_is_given_once(tmp_path):
    """As the frames of a cine do."""
    failed = [InputError("no pixel size", where=tmp_path) for _ in range(16)] + [InputError("too dark")]
    error = unanswered(failed, cases=18, folder=tmp_path)
    assert error.details == (f"16 times: no pixel size: {tmp_path}", "too dark")
    many = unanswered([InputError(f"reason {turn}") for turn in range(23)], cases=23, folder=tmp_path)
    assert many.details[-1] == "and 3 more"


def test_predict__corrected_labels_and_other_scans_of_the_same_name_stop_it(finished, scans, tmp_path):
    out = tmp_path / "out"
    predict(finished.model, scans / "a.nii.gz", out=out)
    write_nifti(tmp_path / "other/a.nii.gz", ball(9)[0])
    with pytest.raises(UsageError, match="another scan of this name"):
        predict(finished.model, tmp_path / "other", out=out)
    corrected = write_nifti(out / "a.nii.gz", ball(1)[1]).read_bytes()
    with pytest.raises(UsageError, match="changed since predict wrote them"):
        predict(finished.model, scans, out=out)
    assert (out / "a.nii.gz").read_bytes() == corrected and not (out / "b.nii.gz").exists()


def test_predict__one_process_at_a_time_in_a_folder(finished, scans, tmp_path):
    (tmp_path / "out").mkdir()
    with alone(tmp_path / "out" / ".scanwright.lock"), pytest.raises(ResourceError, match="another process is at work"):
        predict(finished.model, scans, out=tmp_path / "out")


@pytest.mark.parametrize("how", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_predict__broken_off_it_leaves_what_was_answered_and_no_part_of_more(
    finished, scans, tmp_path, monkeypatch, how
):
    out, write = tmp_path / "out", Segmentation.write

    def break_off(self, file, answer):
        write(self, file, answer)
        if file.name == "b.nii.gz":
            raise how

    monkeypatch.setattr(Segmentation, "write", break_off)
    with pytest.raises((KeyboardInterrupt, OSError)):
        predict(finished.model, scans, out=out)
    assert {path.name for path in out.iterdir()} == {".scanwright.lock", "predictions.json", "a.nii.gz"}  # and no stage
    assert set(json.loads((out / "predictions.json").read_text())["predictions"]) == {"a"}


@pytest.mark.parametrize("target", ["gone/b.nii.gz", "b.nii.gz"], ids=["nothing", "a circle"])
def test_predict__a_link_to_nothing_is_a_scan_that_cannot_be_read(finished, scans, tmp_path, target):
    (scans / "b.nii.gz").unlink()
    (scans / "b.nii.gz").symlink_to(target)
    with pytest.raises(InputError, match="1 of 3 scans could not be answered") as caught:
        predict(finished.model, scans, out=tmp_path / "out")
    assert "a link to nothing" in caught.value.details[0] and f"a link to {target}" in caught.value.details[0]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz")) == ["a.nii.gz", "c.nii.gz"]


def test_predict__what_the_reader_had_to_decide_is_said(finished, tmp_path):
    """No position in the header: the axes are taken as R, A, S, and somebody should know."""
    picture = nib.Nifti1Image(ball(0)[0], AFFINE)
    picture.set_sform(None, 0)
    picture.set_qform(None, 0)
    nib.save(picture, tmp_path / "a.nii.gz")
    told = []
    (found,) = predict(finished.model, tmp_path / "a.nii.gz", out=tmp_path / "out", tell=told.append)
    (note,) = found.notes
    assert "no position" in note
    assert f"a: {note}" in [progress.note for progress in told]
    record = json.loads((tmp_path / "out/predictions.json").read_text())
    assert record["predictions"]["a"]["notes"] == [note]


def test_predict__a_scan_that_was_learned_from_is_told(finished, tmp_path):
    fold = json.loads((finished.run / "splits.json").read_text())["folds"][0]
    images = finished.data / "imagesTr"
    shutil.copy(images / f"{fold['train'][0]}_0000.nii.gz", tmp_path / "another name.nii.gz")
    (known,) = predict(finished.model, tmp_path / "another name.nii.gz", out=tmp_path / "known")
    assert [note.code for note in known.notes] == ["learned-from"]
    (held_out,) = predict(finished.model, images / f"{fold['validation'][0]}_0000.nii.gz", out=tmp_path / "out")
    assert held_out.notes == ()


def test_of_training__channels_in_files_of_their_own(tmp_path):
    """The second channel lies on a coarser grid, to which the first one is not brought in the hash."""
    task = made_task(channels=("T1", "T2"))
    files = [write_nifti(tmp_path / f"{k}.nii.gz", ball(k)[0][:: k + 1], np.diag([k + 1.0, 1, 1, 1])) for k in range(2)]
    case = made_case("a", images=tuple(files))
    image = read_case_image(case, task)
    learned, other = (
        SimpleNamespace(task=task, learned_from=frozenset(hashes))
        for hashes in ([opened.content_of(case, task)], ["f" * 64])
    )
    assert [note.code for note in of_training(learned, case, image)] == ["learned-from"]
    assert of_training(other, case, image) == ()


def test_predict__a_scan_with_a_place_has_no_notes(finished, tmp_path):
    scan = write_nifti(tmp_path / "c.nii.gz", ball(2)[0])
    (found,) = predict(finished.model, scan, out=tmp_path / "out")
    assert found.notes == () and found.to_json()["notes"] == []
    assert {note.code for note in found.of_model} == {"misses-most", "most-marks-false"}  # the model is a toy
    assert found.to_json()["notes_on_model"] == [str(note) for note in found.of_model]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.nii.gz", None, "no such file or folder"),
        ("text.nii.gz", "hello", "text.nii.gz"),
        ("letter.docx", "hello", "letter.docx"),
        ("empty.png", "", "empty.png"),
    ],
)
def test_predict__a_file_that_is_no_scan(finished, tmp_path, name, content, words):
    if content is not None:
        write_text(tmp_path / name, content)
    with pytest.raises(InputError) as caught:
        predict(finished.model, tmp_path / name, out=tmp_path / "out")
    assert words in str(caught.value)
    assert not list((tmp_path / "out").glob("*.nii.gz"))


def test_predict__a_picture_with_a_model_of_volumes(finished, tmp_path):
    """A pixel is not a millimetre: refused, never guessed."""
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 30), dtype=np.uint8)).save(tmp_path / "x.png")
    with pytest.raises(InputError, match="no physical scale"):
        predict(finished.model, tmp_path / "x.png", out=tmp_path / "out")
    assert not (tmp_path / "out/x.png").exists()


@pytest.mark.parametrize(("format_", "suffix"), [("auto", ".nii.gz"), ("nifti", ".nii.gz")])
def test_predict__format(finished, scans, tmp_path, format_, suffix):
    assert predict(finished.model, scans / "a.nii.gz", out=tmp_path / "o", format=format_)[0].file.name == f"a{suffix}"


@pytest.mark.parametrize(("format_", "words"), [("png", "one slice in pixels"), ("rtstruct", "needs a DICOM scan")])
def test_predict__a_format_that_cannot_hold_the_answer(finished, scans, tmp_path, format_, words):
    """Refused before anything is answered, or a folder made."""
    told = []
    with pytest.raises(InputError, match=words):
        predict(finished.model, scans, out=tmp_path / "o", format=format_, tell=told.append)
    assert told == [] and not (tmp_path / "o").exists()


def test_predict__grey_values_of_another_kind_are_said(finished, tmp_path):
    """The model has learned from noise around 100; the other image is dark as the air of a CT."""
    write_nifti(tmp_path / "in/a.nii.gz", ball(0)[0])
    write_nifti(tmp_path / "in/b.nii.gz", ball(0)[0] - 1100)
    told = []
    same, other = predict(finished.model, tmp_path / "in", out=tmp_path / "out", tell=told.append)
    first, note = other.notes
    assert first.code == "outside-range"
    assert same.notes == () and "unlike those that the model has learned from" in note
    assert f"b: {note}" in [progress.note for progress in told]


def test_predict__more_memory_than_there_is(finished, scans, tmp_path, monkeypatch):
    """Refused before it begins, with both numbers."""
    monkeypatch.setattr(volume, "free_memory_bytes", lambda: 1 << 20)
    with pytest.raises(ResourceError, match="more memory than is free") as caught:
        predict(finished.model, scans / "a.nii.gz", out=tmp_path / "o")
    assert "GiB" in caught.value.expected
    assert "0.0 GiB free" in caught.value.found


def test_predict__a_scan_with_one_voxel_that_is_no_number(finished, scans, tmp_path):
    image = ball(0)[0]
    image[3, 4, 5] = np.nan
    scan = write_nifti(tmp_path / "nan.nii.gz", image)
    with pytest.raises(InputError, match="NaN or infinite") as caught:
        predict(finished.model, scan, out=tmp_path / "o")
    assert caught.value.found == f"1 of {image.size} voxels"
    assert not (tmp_path / "o/nan.nii.gz").exists()


def test_predict__one_scan_too_large_of_four(finished, scans, tmp_path):
    """Voxels of 9 m: on the plan's grid of about 1 mm more than any machine has. Refused before it is made."""
    write_nifti(scans / "aa.nii.gz", ball(4)[0], np.diag((9000.0, 9000.0, 9000.0, 1.0)))
    with pytest.raises(InputError, match="1 of 4 scans") as caught:
        predict(finished.model, scans, out=tmp_path / "o")
    assert "aa.nii.gz" in caught.value.details[0] and "more memory than is free" in caught.value.details[0]
    assert sorted(path.name for path in (tmp_path / "o").glob("*.nii.gz")) == ["a.nii.gz", "b.nii.gz", "c.nii.gz"]


def test_predict__says_beforehand_what_it_needs(finished, scans, tmp_path):
    told = []
    predict(finished.model, scans, out=tmp_path / "o", tell=told.append)
    assert told[0].note.startswith("3 scans, the largest with about ")
    assert told[0].note.endswith(" GiB of memory above the input")


def test_predict__output_not_writable(finished, scans, tmp_path):
    write_text(tmp_path / "file", "mine")
    with pytest.raises(ResourceError, match="cannot write here") as caught:
        predict(finished.model, scans, out=tmp_path / "file")
    assert caught.value.where == tmp_path / "file", "and no file that nobody has heard of"
    assert (tmp_path / "file").read_text() == "mine"


def test_predict__two_scans_of_one_name(finished, scans, tmp_path):
    shutil.copytree(scans, tmp_path / "tuesday")
    with pytest.raises(UsageError, match="two scans of one name"):
        predict(finished.model, [scans / "a.nii.gz", tmp_path / "tuesday/a.nii.gz"], out=tmp_path / "o")


def test_open_model__of_another_kind(finished, monkeypatch):
    monkeypatch.setattr(opened, "KINDS", {})
    with pytest.raises(UsageError, match="kind of problem"):
        open_model(finished.model)


@pytest.mark.parametrize("change", [{"network": {"widths": (4, 6)}}, {"batch": {"patch": (8, 8, 9)}}])
def test_open_model__whose_plan_and_weights_do_not_fit(finished, monkeypatch, change):
    def altered(data, **where):
        plan = plan_from_json(data, **where)
        return plan.model_copy(update={key: getattr(plan, key).model_copy(update=one) for key, one in change.items()})

    monkeypatch.setattr(packaged, "plan_from_json", altered)
    with pytest.raises(IntegrityError, match="do not fit") as caught:
        open_model(finished.model)
    assert caught.value.exit_code == 3 and len(caught.value.lines()) <= 3


def test_open_model__whose_task_wants_other_regions(finished, monkeypatch):
    def fewer(data, **where):
        task = parse_task(data, **where)
        return task.model_copy(update={"regions": task.regions[:1], "region_order": task.region_order[:1]})

    monkeypatch.setattr(opened, "parse_task", fewer)
    with pytest.raises(IntegrityError, match="task and plan of this package do not fit") as caught:
        open_model(finished.model)
    assert (caught.value.expected, caught.value.found) == ("1 channels in, 2 out", "1 in, 3 out")


def test_verify(finished, tmp_path):
    found = verify(finished.model)
    assert found["ok"] is True
    assert found["digest"] == json.loads((finished.run / "run.json").read_text())["package"]
    damaged = tmp_path / "damaged.swm"
    damaged.write_bytes(finished.model.read_bytes() + b"\0")
    with pytest.raises(IntegrityError):
        verify(damaged)


def test_pictures__trained_and_answered(scanwright, tmp_path):
    """2-D: PNG in, PNG out, the same size; areas in pixels."""
    data = picture_folder(tmp_path / "data", cases=6)
    small = ["--folds", 3, "--fold", 0, "--steps", 2, "--set", "batch.patch=[1,16,16]", "--set", "network.widths=[4,8]"]
    small += ["--set", "network.strides=[[1,1,1],[1,2,2]]", "--set", "network.kernels=[[1,3,3],[1,3,3]]"]
    ended = scanwright("train", data, *small, "-o", tmp_path / "run")
    assert ended.code == 0, ended.err
    answers = sorted((tmp_path / "run/predictions").glob("*.png"))
    assert len(answers) == 2
    ended = scanwright("predict", tmp_path / "run/model.swm", data / "images", "-o", tmp_path / "out", "--json")
    rows = json.loads(ended.out)["predictions"]
    assert [row["unit"] for row in rows] == ["px"] * 6
    for row in rows:
        with Image.open(row["labels"]) as labels, Image.open(row["images"][0]) as scan:
            assert labels.size == scan.size
            inside = int((np.asarray(labels) > 0).sum())
        assert row["volumes"] == {"mask": inside} or list(row["volumes"].values()) == [inside]
    for path in answers:
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
    assert "pixels" in (tmp_path / "run/report.html").read_text()
