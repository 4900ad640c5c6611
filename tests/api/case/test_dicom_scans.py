"""Half of a DICOM scan is not answered as if it were whole."""

import pydicom
import pytest

from made_folders import made_task
from made_series import axial, sagittal, write_series
from scanwright.api.case.dicom_scans import dicom_cases, is_dicom
from scanwright.dataset.task import Channel
from scanwright.errors import InputError

CT, PLAN = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.481.5"


def test_dicom_cases__a_link_to_nothing(tmp_path):
    """In place of the last slice, where no gap would show that one is missing."""
    *_, last = write_series(tmp_path / "scan", axial())
    assert [len(case.images[0].files) for case in dicom_cases([tmp_path / "scan"], made_task()).cases] == [4]
    last.unlink()
    last.symlink_to("/gone/004.dcm")
    with pytest.raises(InputError, match="a link to nothing") as caught:
        dicom_cases([tmp_path / "scan"], made_task())
    assert caught.value.where == last
    (tmp_path / "scan/.hidden").symlink_to("/gone")
    last.unlink()
    assert len(dicom_cases([tmp_path / "scan"], made_task()).cases) == 1


def asked(folder, **given):
    return dicom_cases([folder], made_task(**given))


@pytest.mark.parametrize("spoiled", [b"", None], ids=["empty", "cut"])
def test_a_scan_that_may_have_lost_a_slice_is_not_answered(tmp_path, spoiled):
    """At its end, where no gap would show it."""
    *_, last = write_series(tmp_path / "cut", axial())
    write_series(tmp_path / "whole", axial(), name="other")
    last.write_bytes(last.read_bytes()[:-9] if spoiled is None else spoiled)
    found = asked(tmp_path)
    assert [case.id for case in found.cases] == ["whole"]
    (error,) = found.refused
    assert (error.where, error.message) == (last, "1 file that cannot be read")


def bare(folder):
    """A scan whose files have no suffix, as on a patient's CD; gives its last file."""
    paths = [path.rename(path.with_name(f"IM{path.stem}")) for path in write_series(folder, axial())]
    return paths[-1]


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda raw: bytes(len(raw)),
        lambda raw: bytes(100),
        lambda raw: raw[:100],
        lambda raw: b"?" * 100,
        lambda raw: b"",
    ],
    ids=["zeros", "few zeros", "cut", "other bytes", "empty"],
)
def test_a_file_without_a_suffix_that_was_a_slice(tmp_path, spoiled):
    last = bare(tmp_path / "cut")
    write_series(tmp_path / "whole", axial(), name="other")
    last.write_bytes(spoiled(last.read_bytes()))
    found = asked(tmp_path)
    assert [case.id for case in found.cases] == ["whole"]
    assert [(error.where, error.message) for error in found.refused] == [(last, "1 file that cannot be read")]


def test_what_lies_beside_scans_as_a_matter_of_course(tmp_path):
    bare(tmp_path / "ct")
    for name in ("README", "LICENSE", "MD5SUMS", "SHA256SUMS", "INDEX.HTM", "a.txt", "a.csv", "a.json", "a.xml", "Thumbs.db",
                 ".DS_Store", "._IM0001", "VERSION", "autorun.inf", "IM0001.md5", "run2.sh", "report1.pdf"):  # fmt: skip
        (tmp_path / "ct" / name).write_bytes(b"not DICOM")
    for name in ("LOCKFILE", "done.txt", ".hidden1"):
        (tmp_path / "ct" / name).touch()
    (tmp_path / "ct" / "viewer.bin").write_bytes(bytes(5000))
    found = asked(tmp_path)
    assert ([case.id for case in found.cases], found.refused) == (["ct"], ())


@pytest.mark.parametrize("of", ["its pixels", "its series"])
def test_a_scan_of_which_an_image_has_lost_its_pixels_is_not_answered(tmp_path, of):
    *_, last = write_series(tmp_path / "cut", axial())
    write_series(tmp_path / "whole", axial(), name="other")
    header = pydicom.dcmread(last)
    del header.PixelData
    if of == "its series":
        del header.SeriesInstanceUID
    header.save_as(last)
    found = asked(tmp_path)
    assert [case.id for case in found.cases] == ["whole"]
    assert [(error.where, error.exit_code) for error in found.refused] == [(last, 4)]


def test_what_is_not_for_the_model_is_said(tmp_path):
    write_series(tmp_path / "ct", axial())
    write_series(tmp_path / "mr", sagittal(), modality="MR", name="mr")
    (tmp_path / "readme.txt").write_text("a viewer")
    (tmp_path / "a.nii.gz").write_bytes(b"no DICOM")
    found = asked(tmp_path)
    assert ([case.id for case in found.cases], found.refused) == (["ct"], ())
    assert found.left_out[0] == "1 volume of modality MR: not this model's"
    assert found.left_out[1].startswith("1 file: not a DICOM file")
    assert found.left_out[-1] == f"1 image of other formats in {tmp_path.name}: to be given by name"


def test_a_model_of_pet_answers_pet_alone(tmp_path):
    write_series(tmp_path / "ct", axial())
    task = made_task().model_copy(update={"channels": (Channel(name="PT", modality="pet"),)})
    with pytest.raises(InputError, match="no volume that this model can answer"):
        dicom_cases([tmp_path], task)


def test_nothing_but_what_is_refused(tmp_path):
    paths = write_series(tmp_path / "ct", axial())
    paths[1].unlink()
    found = asked(tmp_path)
    assert (found.cases, [error.message for error in found.refused]) == ((), ["1 slice is missing"])


def test_a_damaged_plan_and_an_empty_lock_take_no_scan_away(tmp_path):
    *_, last = write_series(tmp_path / "ct", axial())
    plan = last.read_bytes().replace(CT.encode(), PLAN.encode().ljust(len(CT), b"\0"))[:-9]
    (tmp_path / "ct" / "plan.dcm").write_bytes(plan)
    (tmp_path / "ct" / "LOCKFILE").touch()
    found = asked(tmp_path)
    assert ([case.id for case in found.cases], found.refused) == (["ct"], ())


def test_a_file_without_a_suffix_is_dicom_by_its_first_bytes(tmp_path):
    *_, last = write_series(tmp_path / "ct", axial())
    assert is_dicom(last.rename(tmp_path / "IM0001"))
    (tmp_path / "README").write_text("no DICOM")
    assert not is_dicom(tmp_path / "README")
