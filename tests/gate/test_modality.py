"""Images of several DICOM modalities as one channel."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alike_pictures import cohort_of
from made_dicom import CT, DR, header, write
from made_folders import write_text
from scanwright.api.look import inspect
from scanwright.dataset.cases import Case
from scanwright.dataset.task import Channel
from scanwright.gate.modality import find, glance
from scanwright.gate.waive import parse_waiver, waived

NAMES = ["a", "b", "c", "d", "e"]


def faults_of(*kinds: str):
    glances = {name: (kind,) for name, kind in zip(NAMES, kinds, strict=False)}
    return find(cohort_of(NAMES), glances).faults


def test_find__two_modalities_in_one_channel() -> None:
    (fault,) = faults_of("MR", "CT", "MR", "PT", "MR")
    assert (fault.code, fault.severity, fault.policy, fault.stops) == ("mixed-modality", "error", True, True)
    assert fault.cases == ("a", "b", "c", "d", "e") and fault.groups == (("b",), ("a", "c", "e"), ("d",))
    assert fault.numbers == {"CT": 1, "MR": 3, "PT": 1}
    assert fault.expected == "one DICOM modality in channel US"
    assert fault.found == "1 of CT (b), 3 of MR (a and others), 1 of PT (d)"
    assert "--exclude" in fault.action and "channel of its own" in fault.action


@pytest.mark.parametrize(
    "kinds",
    [("CT",) * 5, ("CR", "DX", "RG", "DX"), ("", "", "", "", ""), ("CT", "", "OT", "CT"), ("OT", ""), ()],
)
def test_find__nothing_to_say(kinds: tuple[str, ...]) -> None:
    assert faults_of(*kinds) == ()


def test_find__radiographs_are_one_kind_beside_another() -> None:
    (fault,) = faults_of("CR", "MG", "DX", "CR", "")
    assert fault.numbers == {"CR/DX": 3, "MG": 1} and fault.groups == (("a", "c", "d"), ("b",))


def test_find__channel_by_channel() -> None:
    """CT and PET as two channels of every case are as they should be; one case that has them the other way round is not."""
    cohort = cohort_of(["a", "b", "c"])
    task = cohort.dataset.task.model_copy(
        update={"channels": tuple(Channel(name=n, modality="other") for n in ("CT", "PET"))}
    )
    cohort = replace(cohort, dataset=cohort.dataset.model_copy(update={"task": task}))
    assert find(cohort, dict.fromkeys("abc", ("CT", "PT"))).faults == ()
    faults = find(cohort, {"a": ("CT", "PT"), "b": ("CT", "PT"), "c": ("CT", "CT")}).faults
    assert [(fault.expected, fault.numbers) for fault in faults] == [
        ("one DICOM modality in channel PET", {"CT": 1, "PT": 2})
    ]


def test_find__the_same_in_any_order() -> None:
    rng, names = np.random.default_rng(0), [f"c{k:02d}" for k in range(30)]
    for _ in range(20):
        glances = {name: (str(rng.choice(["CT", "MR", "", "OT", "CR", "DX"])),) for name in names}
        found = find(cohort_of(names), glances)
        turned = [names[k] for k in rng.permutation(len(names))]
        assert find(cohort_of(turned), {name: glances[name] for name in turned}) == found
        known = sum(kind not in ("", "OT") for (kind,) in glances.values())
        assert sum(found.to_json()["channels"][0].values()) == known


def test_waived__all_of_it_by_one_waiver() -> None:
    faults = faults_of("CT", "MR")
    assert not waived(faults, [parse_waiver("mixed-modality=fat fractions of both")])[0].stops
    assert waived(faults, [parse_waiver("mixed-modality:a=only this")])[0].stops


def test_glance__headers_and_what_is_none(tmp_path: Path) -> None:
    made = write(tmp_path / "x.dcm", header(np.ones((4, 4), np.uint16), SOPClassUID=DR, Modality="DX"))
    bare = write(tmp_path / "bare.dcm", header(np.ones((4, 4), np.uint16), SOPClassUID=CT, Modality=None))
    broken = write_text(tmp_path / "broken.dcm", "no DICOM")
    images = (made, bare, broken, tmp_path / "gone.dcm", tmp_path / "x.nii.gz")
    assert glance(Case(id="a", images=images, patient="a")) == ("DX", "", "", "", "")


def test_inspect__pictures_in_a_table(tmp_path: Path) -> None:
    """Whatever the layout: single DICOM files that a table names, of CR and DX alone; then one of another modality."""
    rng = np.random.default_rng(0)
    lines = ["image,class"]

    def put(name: str, modality: str) -> None:
        pixels = rng.integers(0, 200, (16, 16)).astype(np.uint16)
        uid = f"1.2.3.{pixels.sum()}"
        made = header(pixels, SOPClassUID=DR, SOPInstanceUID=uid, SeriesInstanceUID=f"{uid}.1", Modality=modality)
        write(tmp_path / f"{name}.dcm", made)
        lines.append(f"{name}.dcm,{name[:-1]}")
        write_text(tmp_path / "labels.csv", "\n".join(lines) + "\n")

    for number in range(6):
        put(f"{('ill', 'well')[number // 3]}{number}", ("CR", "DX")[number % 2])
    codes = [fault.code for fault in inspect(tmp_path, quick=True).checks.faults]
    assert "mixed-modality" not in codes
    put("ill9", "MR")
    found = inspect(tmp_path, quick=True)
    (fault,) = [fault for fault in found.checks.faults if fault.code == "mixed-modality"]
    assert fault.numbers == {"CR/DX": 6, "MR": 1}


@pytest.mark.data
def test_inspect__ct_pet_and_mr_of_one_patient(scanwright, data_folder) -> None:
    data = data_folder / "dicom" / "sts_003_ct_mr_pet_rtstruct"
    told = scanwright("inspect", data, "--quick", "--json")
    assert told.code == 5
    faults = [fault for fault in json.loads(told.out)["faults"] if fault["severity"] == "error"]
    assert [(fault["code"], fault["numbers"]) for fault in faults] == [("mixed-modality", {"CT": 1, "MR": 1, "PT": 1})]
    left = scanwright("inspect", data, "--quick", "--exclude", "MR_T1_image", "--exclude", "PET_image")
    assert "mixed-modality" not in left.out + left.err
    let_pass = scanwright("inspect", data, "--quick", "--waive", "mixed-modality=only to look at")
    assert let_pass.code == 0 and "only to look at" in let_pass.out
