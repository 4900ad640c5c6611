"""The gate in a run: a leak stops it, a waiver lets it go on, and is seen in everything that the run leaves."""

import json

import pytest

from made_folders import ball, nnunet_folder, write_json, write_nifti, write_text
from scanwright.api.look import inspect
from scanwright.errors import PolicyError, UsageError
from scanwright.package.container import decode

SMALL = ("--steps", "2", "--fold", "0", "--set", "batch.size=1")


@pytest.fixture
def leaking(tmp_path):
    """Six cases of five patients, and a split with one of them on both sides."""
    data = nnunet_folder(tmp_path / "data", cases=6)
    rows = [("p00", "A"), ("p01", "A"), *((f"p{k:02d}", f"P{k}") for k in range(2, 6))]
    write_text(data / "cases.csv", "case,patient\n" + "".join(f"{case},{patient}\n" for case, patient in rows))
    split = write_json(tmp_path / "split.json", [{"train": ["p00", "p02", "p03"], "val": ["p01", "p04", "p05"]}])
    return data, split


def test_train__a_leak_stops_and_a_waiver_lets_pass(scanwright, leaking, tmp_path):
    data, split = leaking
    stopped = scanwright("train", data, *SMALL, "--split", split, "-o", tmp_path / "run")
    assert stopped.code == 5
    assert "patient A: p00 (train) and p01 (validation)" in stopped.err
    assert "--waive" in stopped.err and "Traceback" not in stopped.err
    assert not (tmp_path / "run/plan.json").exists() and (tmp_path / "run/inspect.html").is_file()
    waive = ("--waive", "patient-on-two-sides=both scans are phantoms")
    ended = scanwright("train", data, *SMALL, "--split", split, *waive, "-o", tmp_path / "run")
    assert ended.code == 0, ended.err
    report = (tmp_path / "run/report.html").read_text()
    assert "Waived:" in report and "both scans are phantoms" in report and "no patient is on both sides" not in report
    checks = json.loads((tmp_path / "run/checks.json").read_text())
    assert checks["waivers"] == [{"code": "patient-on-two-sides", "reason": "both scans are phantoms", "case": None}]
    card = json.loads(decode(tmp_path / "run/model.swm").read("card.json"))
    assert [(one["code"], one["waived"]) for one in card["waived"]] == [
        ("patient-on-two-sides", "both scans are phantoms")
    ]


def test_train__what_cannot_be_waived_and_what_can_are_said_at_once(scanwright, leaking, tmp_path):
    data, split = leaking
    images = data / "imagesTr"
    (images / "p03_0000.nii.gz").write_bytes((images / "p02_0000.nii.gz").read_bytes())
    write_nifti(data / "labelsTr" / "p03.nii.gz", ball(0, values=(2, 1))[1])  # another label of the same image
    stopped = scanwright("train", data, *SMALL, "--split", split, "-o", tmp_path / "run")
    assert stopped.code == 4 and "error duplicate-image p03" in stopped.err
    hint = stopped.err.strip().splitlines()[-1]
    assert "duplicate-image: --exclude p03 (no waiver lets it pass)" in hint
    assert "patient-on-two-sides: --exclude one case of each, or --waive" in hint
    told = scanwright("inspect", data, "--split", split, "--quick")
    assert told.code == 4 and hint in told.out
    refused = scanwright("train", data, *SMALL, "--waive", "duplicate-image=both are kept", "-o", tmp_path / "run")
    assert refused.code == 2 and "cannot be waived" in refused.err and "--exclude p03" in refused.err


def test_train__a_leak_in_the_data_sets_own_split(scanwright, tmp_path):
    """As in a split that is given: it stops. Let pass, the patient's other case is left out, and the report says both."""
    data = nnunet_folder(tmp_path / "data", cases=6)
    lines = [f"p{k:02d},{'A' if k < 2 else f'P{k}'},{'test' if k == 0 else 'train'}\n" for k in range(6)]
    write_text(data / "cases.csv", "case,patient,split\n" + "".join(lines))
    stopped = scanwright("train", data, *SMALL, "-o", tmp_path / "run")
    assert stopped.code == 5 and "patient A: p00 (test) and p01 (train)" in stopped.err
    assert scanwright("inspect", data, "--quick").code == 5
    waive = ("--waive", "patient-on-two-sides=the second scan is left out")
    ended = scanwright("train", data, *SMALL, *waive, "-o", tmp_path / "run")
    assert ended.code == 0, ended.err
    splits = json.loads((tmp_path / "run/splits.json").read_text())
    assert splits["test"] == ["p00"]
    assert {name for fold in splits["folds"] for side in fold.values() for name in side} == {"p02", "p03", "p04", "p05"}
    report = (tmp_path / "run/report.html").read_text()
    assert "Waived:" in report and "the second scan is left out" in report
    assert "no patient is on both sides" in report and "Cases were left out for it" in report
    card = json.loads(decode(tmp_path / "run/model.swm").read("card.json"))
    assert [(one["code"], one["waived"]) for one in card["waived"]] == [
        ("patient-on-two-sides", "the second scan is left out")
    ]


def test_inspect__the_page(leaking, tmp_path):
    data, split = leaking
    found = inspect(data, split=split, out=tmp_path / "out")
    assert [(fault.code, fault.policy) for fault in found.checks.errors] == [("patient-on-two-sides", True)]
    page = (tmp_path / "out/inspect.html").read_text()
    assert "would stop" in page and "patient-on-two-sides" in page and page.count("data:image/jpeg") >= 6
    assert "<script" not in page and "http://" not in page.replace("http://www.w3.org", "")
    checks = json.loads((tmp_path / "out/checks.json").read_text())
    assert set(checks["survey"]) >= {"leakage", "duplicates", "integrity", "distribution", "shortcuts", "burned_in"}
    waived = inspect(data, split=split, waive=["patient-on-two-sides:p01=known to us"])
    assert waived.checks.errors == ()


def test_inspect__nothing_is_written_without_a_folder(leaking, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    inspect(leaking[0], quick=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_inspect__a_page_inside_the_data_is_refused(leaking):
    with pytest.raises(UsageError):
        inspect(leaking[0], out=leaking[0] / "page")


def test_train__in_python(leaking, tmp_path):
    from scanwright import Settings, train

    data, split = leaking
    with pytest.raises(PolicyError) as raised:
        train(data, out=tmp_path / "run", split=split, settings=Settings(steps=1, fold=0))
    assert raised.value.exit_code == 5 and "patient-on-two-sides" in str(raised.value)
