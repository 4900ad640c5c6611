"""Pseudo-labels: the trial goes its whole way, nobody judges what has learned from it, and a data set comes of a gain only."""

import json

import pytest

from made_folders import ball, write_nifti
from scanwright.api import pseudo as module
from scanwright.api.pseudo import Judged, pseudo, verdict
from scanwright.dataset.read import read_dataset
from scanwright.dataset.splitfile import read_names
from scanwright.errors import UsageError
from scanwright.evaluation.intervals.statistics import paired_difference


def difference(gains, patients=None):
    return paired_difference(gains, [0.0] * len(gains), patients or list(range(len(gains))))


def test_verdict__only_an_interval_above_nothing_is_a_gain():
    gained, why = verdict(difference([0.02, 0.03, 0.025, 0.04, 0.01, 0.02]))
    assert gained and "+0.02" in why
    gained, why = verdict(difference([0.2, -0.19, 0.1, -0.1, 0.05, -0.04]))
    assert not gained and "from chance" in why
    gained, why = verdict(difference([-0.02, -0.03, -0.02, -0.04, -0.01]))
    assert not gained and "a loss" in why


def test_verdict__few_patients_and_no_difference_are_no_gain():
    gained, why = verdict(difference([0.1] * 20, ["one", "two", "three", "four"] * 5))
    assert not gained and "4 patients" in why
    assert not verdict(difference([0.0] * 20))[0]


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Three scans without labels, and one that is in the labelled set."""
    folder = tmp_path_factory.mktemp("scans")
    for number in range(3):
        write_nifti(folder / f"u{number}.nii.gz", ball(500 + number, values=(1, 2))[0])
    write_nifti(folder / "again.nii.gz", ball(10, values=(1, 2))[0])
    (folder / "cut.nii.gz").write_bytes(b"cut")
    return folder


def short(finished, scans, out, **options):
    return pseudo(
        finished.model,
        scans,
        labelled=finished.data,
        out=out,
        steps=2,
        folds=2,
        confidence=0.0,
        device="cpu",
        **options,
    )


@pytest.mark.slow
def test_pseudo__a_gain_writes_a_data_set(tmp_path, finished, scans, monkeypatch):
    monkeypatch.setattr(module, "verdict", lambda difference: (True, "as the test wants"))
    made = short(finished, scans, tmp_path / "out")
    assert made.data == tmp_path / "out/data" and set(made.taken) == {"u0", "u1", "u2"}
    assert set(made.left_out) == {"again", "cut"}
    found = read_dataset(made.data)
    assert {case.id for case in found.cases if case.groups.get("source") == "pseudo"} <= {"u0", "u1", "u2"}
    assert len(found.cases) == 9 and all(case.is_labelled for case in found.cases)
    assert json.loads((tmp_path / "out/pseudo.json").read_text())["kept"] is True
    judged = []
    for fold in (0, 1):
        for arm in ("with", "without"):
            ((train, validation),), _ = read_names(tmp_path / f"out/trial/fold-{fold}/{arm}.json")
            assert not set(train) & set(validation)
            assert {"u0", "u1", "u2"} <= set(train) if arm == "with" else not set(train) & {"u0", "u1", "u2"}
        judged += validation
    assert sorted(judged) == sorted(case.id for case in read_dataset(finished.data).cases)
    assert sorted(one.case for one in made.judged) == sorted(judged)
    with pytest.raises(UsageError, match="another trial"):
        short(finished, scans, tmp_path / "out", seed=1)


def test_pseudo__no_gain_writes_none(tmp_path, finished, scans, monkeypatch):
    def judge(self, cases, number, **rest):
        assert {case.id for case in cases} == {"u0", "u1", "u2"}
        return [Judged(name, name, number, 0.8, 0.8 + 0.01 * (-1) ** k) for k, name in enumerate(self.fold.validation)]

    monkeypatch.setattr(module.Trial, "judge", judge)
    made = short(finished, scans, tmp_path / "out")
    assert made.data is None and not (tmp_path / "out/data").exists() and made.confidence == {}
    assert made.lines()[0].startswith("not kept: Dice changes by")


def test_pseudo__a_gain_but_no_scan_that_the_model_is_sure_of(tmp_path, finished, scans, monkeypatch):
    def judge(self, cases, number, **rest):
        return [Judged(name, name, number, 0.5, 0.6 + 0.01 * k) for k, name in enumerate(self.fold.validation)]

    monkeypatch.setattr(module.Trial, "judge", judge)
    made = pseudo(
        finished.model,
        scans,
        labelled=finished.data,
        out=tmp_path / "out",
        steps=2,
        folds=2,
        confidence=1.0,
        device="cpu",
    )
    assert made.data is None and "not sure of any scan" in made.why
