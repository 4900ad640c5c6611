"""Formats that cannot hold an answer, refused before any work."""

from types import SimpleNamespace

import pytest

import fakes
from made_folders import ball, made_case, picture, write_nifti, write_png, write_text
from scanwright.api.case.output import require_format
from scanwright.dataset.task import Channel, Task
from scanwright.errors import InputError, UsageError
from scanwright.problem.classification import Classification
from scanwright.problem.segmentation import Segmentation

MODEL = SimpleNamespace(task=fakes.task(), problem=Segmentation(fakes.task()))


def test_require_format(tmp_path):
    volume = made_case("a", images=(write_nifti(tmp_path / "a.nii.gz", ball(1)[0]),))
    shot = made_case("b", images=(write_png(tmp_path / "b.png", picture(1)[0]),))
    broken = made_case("c", images=(write_text(tmp_path / "c.nii.gz", "no image"),))
    for format_ in ("auto", "nifti", "labels"):
        require_format([volume, shot, broken], format_, model=MODEL)
    require_format([shot, broken], "png", model=MODEL)
    with pytest.raises(InputError, match="one slice in pixels") as caught:
        require_format([shot, volume, broken], "png", model=MODEL)
    assert (caught.value.where, caught.value.found) == (
        tmp_path / "a.nii.gz",
        "1 of 3 scans with slices or a scale in mm",
    )
    for format_ in ("dicom", "dicom-labelmap", "rtstruct"):
        with pytest.raises(InputError, match="needs a DICOM scan"):
            require_format([shot], format_, model=MODEL)


def test_require_format__numbers_have_one_of_their_own(tmp_path):
    task = Task(name="t", kind="classification", classes=("a", "b"), channels=(Channel(name="X", modality="xray"),))
    model = SimpleNamespace(task=task, problem=Classification(task))
    case = made_case("a", images=(write_png(tmp_path / "a.png", picture(1)[0]),))
    require_format([case], "auto", model=model)
    for format_ in ("nifti", "png", "dicom-labelmap", "rtstruct"):
        with pytest.raises(UsageError, match="answers with numbers"):
            require_format([case], format_, model=model)
    with pytest.raises(InputError, match="needs a DICOM scan"):
        require_format([case], "dicom", model=model)
