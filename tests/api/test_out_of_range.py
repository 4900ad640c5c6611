"""Images that a model was not made for: said first, declined under --strict, and the others answered."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from commands import SMALL
from made_folders import write_json, write_nifti
from scanwright.api.case.coded_remarks import remarks_on
from scanwright.api.case.in_range import CODES, OUTSIDE, apart, check_range
from scanwright.api.case.opened import open_model
from scanwright.api.case.study_report import StudyOptions
from scanwright.api.use_model import predict
from scanwright.doubt import Doubt
from scanwright.errors import InputError, PolicyError
from scanwright.io.formats import read_volume
from scanwright.report.model_facts import ModelFacts
from scanwright.report.study_words import LANGUAGES, words_of_study
from scanwright.runtime import generator

SHAPE = (14, 16, 12)
CASES = 24


def anatomy(seed):
    """A bright organ in a corner of a dim body that fades upwards, and its label; smooth, and a little different each time."""
    rng = generator(seed)
    places = np.stack(np.meshgrid(*(np.linspace(0, 1, n) for n in SHAPE), indexing="ij"))
    center = np.array([0.3, 0.35, 0.4]) + rng.normal(0, 0.02, 3)
    away = np.sqrt(((places - center[:, None, None, None]) ** 2).sum(0))
    image = 100 + 60 * places[2] + 30 * places[0] + 200 * np.exp(-((away / 0.2) ** 2))
    tissue = gaussian_filter(rng.normal(size=SHAPE), 1.5)  # everyone's own, or all would be one patient's
    image += 35 * tissue / tissue.std()
    return (image + rng.normal(0, 3, SHAPE)).astype(np.float32), (away < 0.2).astype(np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory, scanwright):
    """A finished run of such anatomies: half of them trained on, half of them held out."""
    folder = tmp_path_factory.mktemp("range")
    for number in range(CASES):
        image, label = anatomy(number)
        write_nifti(folder / f"data/imagesTr/p{number:02d}_0000.nii.gz", image, np.eye(4))
        write_nifti(folder / f"data/labelsTr/p{number:02d}.nii.gz", label, np.eye(4))
    about = {"name": "made", "channel_names": {"0": "T1"}, "labels": {"background": 0, "organ": 1}}
    write_json(folder / "data/dataset.json", {**about, "numTraining": CASES, "file_ending": ".nii.gz"})
    options = [2 if option == 3 else option for option in SMALL]
    ended = scanwright("train", folder / "data", *options, "-o", folder / "run", "--json")
    assert ended.code == 0, ended.err
    return folder / "run"


@pytest.fixture
def scans(tmp_path):
    """One image of the kind, and others that are none, all with the header of the kind but one."""
    image, _ = anatomy(900)
    rng = generator(5)
    made = {
        "good": image,
        "noise": rng.normal(150, 30, SHAPE).astype(np.float32),
        "constant": np.full(SHAPE, 100, np.float32),
        "other": np.sort(image.ravel())[np.argsort(np.argsort(stripes()))].reshape(SHAPE),
        "upside": image[:, :, ::-1].copy(),
    }
    for name, voxels in made.items():
        write_nifti(tmp_path / f"in/{name}.nii.gz", voxels, np.eye(4))
    write_nifti(tmp_path / "in/coarse.nii.gz", image, np.diag((4.0, 4.0, 4.0, 1.0)))
    return tmp_path / "in"


def stripes():
    """Another content, which is given the very grey values of the kind, rank by rank."""
    i, j, k = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    return (np.sin(i * 1.3) + np.cos(j * 0.9) + 0.01 * k).ravel()


def codes(row):
    return {reason["code"] for reason in row["range"]["reasons"]}


def rows_in(folder):
    record = json.loads((folder / "predictions.json").read_text())
    return {row["case"]: row for row in record["predictions"].values()}


def test_predict__answers_everything_and_says_so_first(run, scans, tmp_path):
    found = {one.case: one for one in predict(run / "model.swm", scans, out=tmp_path / "out")}
    assert len(found) == 6
    rows = rows_in(tmp_path / "out")
    assert rows["good"]["range"]["verdict"] == "answered" and rows["good"]["range"]["reasons"] == []
    for name in ("noise", "constant", "other", "coarse"):
        assert rows[name]["range"]["verdict"] == "warned", name
        assert found[name].range.level == "outside"
        assert found[name].notes[0].startswith("OUTSIDE THE RANGE"), name
        assert Path(rows[name]["labels"]).exists()
    assert "constant-image" in codes(rows["constant"])
    assert "noise" in codes(rows["noise"])
    assert codes(rows["other"]) & {"unlike-texture", "unlike-layout", "unlike-features"}
    assert codes(rows["coarse"]) >= {"other-voxels", "other-view"}
    assert "turned" in codes(rows["upside"])
    (told,) = (one for one in rows["upside"]["range"]["reasons"] if one["code"] == "turned")
    assert told["values"]["how"].startswith("upside down")


def test_strict__declines_what_is_outside_and_answers_the_rest(run, scans, tmp_path):
    with pytest.raises(PolicyError, match="5 of 6 scans are outside the range") as caught:
        predict(run / "model.swm", scans, out=tmp_path / "out", strict=True)
    assert caught.value.exit_code == 5
    assert len(caught.value.details) == 5
    rows = rows_in(tmp_path / "out")
    assert {name: row["range"]["verdict"] for name, row in rows.items()} == {
        "good": "answered",
        **dict.fromkeys(("noise", "constant", "other", "coarse", "upside"), "declined"),
    }
    assert [path.name for path in (tmp_path / "out").glob("*.nii.gz")] == ["good.nii.gz"]
    assert "labels" not in rows["noise"]
    assert rows["noise"]["package"] == rows["good"]["package"]


def test_strict__of_one_scan_says_why(run, scans, tmp_path):
    with pytest.raises(PolicyError) as caught:
        predict(run / "model.swm", scans / "constant.nii.gz", out=tmp_path / "out", strict=True)
    assert caught.value.lines()[0] == f"outside the range that this model was made for: {scans / 'constant.nii.gz'}"
    assert "one value everywhere" in caught.value.lines()[1]


def test_strict__takes_an_earlier_answer_away(run, scans, tmp_path):
    predict(run / "model.swm", scans / "noise.nii.gz", out=tmp_path / "out")
    assert (tmp_path / "out/noise.nii.gz").exists()
    with pytest.raises(PolicyError):
        predict(run / "model.swm", scans / "noise.nii.gz", out=tmp_path / "out", strict=True)
    assert not (tmp_path / "out/noise.nii.gz").exists()


def test_strict__a_scan_that_cannot_be_read_is_worse(run, scans, tmp_path):
    (scans / "broken.nii.gz").write_text("no image")
    with pytest.raises(InputError, match="1 of 7 scans could not be answered") as caught:
        predict(run / "model.swm", scans, out=tmp_path / "out", strict=True)
    assert "5 more were declined" in caught.value.details[-1]
    assert caught.value.hint == f"The other is in {tmp_path / 'out'}."


def test_command__exit_code_and_json(run, scans, tmp_path, scanwright):
    ended = scanwright("predict", run / "model.swm", scans, "-o", tmp_path / "out", "--strict", "--json")
    assert ended.code == 5
    said = json.loads(ended.out)
    assert (said["error"], said["exit_code"]) == ("PolicyError", 5)
    assert any(line.startswith("constant: ") for line in said["details"])


def test_command__marks_answers_that_are_out_of_range(run, scans, tmp_path, scanwright):
    ended = scanwright("predict", run / "model.swm", scans / "noise.nii.gz", "-o", tmp_path / "out")
    assert ended.code == 0
    assert ended.out.rstrip().endswith("! OUT OF RANGE")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_page__of_a_declined_scan_says_why_and_shows_no_answer(run, scans, tmp_path, language):
    with pytest.raises(PolicyError):
        predict(
            run / "model.swm",
            scans / "noise.nii.gz",
            out=tmp_path / "out",
            strict=True,
            report=StudyOptions(language=language),
        )
    page = (tmp_path / "out/noise.report.html").read_text()
    words = {"en": ("Not answered", "Noise: neighbouring"), "zh": ("未作答", "噪声")}[language]
    assert all(word in page for word in words)
    assert "<table>" not in page
    data = json.loads((tmp_path / "out/noise.report.json").read_text())
    assert data["declined"] is True
    assert "noise" in {one["code"] for one in data["warnings"]}
    also = rows_in(tmp_path / "out")["noise"]["also"]
    assert str(tmp_path / "out/noise.report.html") in also


def test_page__of_an_answered_scan_has_the_warning_first(run, scans, tmp_path):
    predict(run / "model.swm", scans / "noise.nii.gz", out=tmp_path / "out", report=StudyOptions())
    page = (tmp_path / "out/noise.report.html").read_text()
    assert '<li class="range">OUTSIDE THE RANGE' in page
    assert "Not answered" not in page


def test_metrics__say_how_many_held_out_cases_would_be_declined(run):
    metrics = json.loads((run / "metrics.json").read_text())["range"]
    assert metrics["cases"] == CASES // 2
    assert metrics["training_cases"] == CASES // 2
    assert metrics["limits"]["declined"]["how"] == "few cases"
    assert metrics["limits"]["declined"]["stated"] == pytest.approx(1 / (CASES // 2 + 1))
    assert 0 <= metrics["declined"]["cases"] <= metrics["warned"]["cases"] <= 4
    assert metrics["turned"]["upside down"] >= 0.5
    page = (run / "report.html").read_text()
    assert 'id="range"' in page and f"Of {CASES // 2} held-out cases" in page


def test_package__without_the_member_still_judges_sizes_and_values(run, scans, tmp_path):
    """A package of before: grey values and sizes are judged, nothing is said of looks."""
    from scanwright.package.load import IN_RANGE
    from scanwright.release.pack import pack, unpack

    folder = tmp_path / "unpacked"
    unpack(run / "model.swm", folder=folder)
    read = {
        name: json.loads((folder / f"{name}.json").read_text())
        for name in ("task", "plan", "card", "metrics", "reference")
    }
    assert (folder / IN_RANGE).exists()
    old = tmp_path / "old.swm"
    pack(old, problem="segmentation", weights={"fold_0": folder / "weights/fold_0.safetensors"}, **read)
    model = open_model(old, device="cpu")
    assert model.reference is None
    level = {
        name: check_range(model, read_volume(scans / f"{name}.nii.gz")).level
        for name in ("good", "noise", "constant", "coarse")
    }
    assert level == {"good": "inside", "noise": "inside", "constant": "outside", "coarse": "outside"}


def test_answers__are_those_without_the_check(run, scans, tmp_path):
    """Being judged changes no voxel."""
    (found,) = predict(run / "model.swm", scans / "good.nii.gz", out=tmp_path / "out")
    (again,) = predict(run / "model.swm", scans / "good.nii.gz", out=tmp_path / "again", strict=True)
    assert np.array_equal(nib.load(found.file).get_fdata(), nib.load(again.file).get_fdata())


def test_evaluate__says_how_many_cases_are_out_of_range(run, tmp_path, scanwright):
    """The metrics and the page of a package on other data: two of the kind, one of noise."""
    for number in range(3):
        image, label = anatomy(800 + number)
        image = image if number else generator(1).normal(150, 30, SHAPE).astype(np.float32)
        write_nifti(tmp_path / f"data/imagesTr/q{number}_0000.nii.gz", image, np.eye(4))
        write_nifti(tmp_path / f"data/labelsTr/q{number}.nii.gz", label, np.eye(4))
    about = {"name": "made", "channel_names": {"0": "T1"}, "labels": {"background": 0, "organ": 1}}
    write_json(tmp_path / "data/dataset.json", {**about, "numTraining": 3, "file_ending": ".nii.gz"})
    ended = scanwright("evaluate", run / "model.swm", tmp_path / "data", "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    told = json.loads((tmp_path / "out/metrics.json").read_text())["package"]["range"]
    assert told["outside"] == 1 and sum(told.values()) == 3
    assert "1 of 3 cases are outside the range" in (tmp_path / "out/report.html").read_text()


def test_notes__of_the_range_come_before_all_else():
    """On the page and in the DICOM report, before what the model's own test gives to doubt."""
    notes = (Doubt("no-position", "no position"), OUTSIDE, Doubt("noise", "noise"), "a plain text")
    assert apart(notes) == ((OUTSIDE, notes[2]), (notes[0], "a plain text"))
    facts = ModelFacts(name="m", version="1", digest="d", kind="segmentation", parts=("organ",))
    research, first, second, *others = remarks_on(facts, notes, None, unit="mm").comments
    assert (first, second) == (str(OUTSIDE), "noise") and "research" in research
    assert others[-2:] == ["no position", "a plain text"]


def test_codes__have_words_in_every_language():
    for language in LANGUAGES:
        assert set(words_of_study(language)["doubts"]) >= CODES, language
