"""Formats that cannot hold an answer, refused before any work."""

import pytest

from made_folders import ball, made_case, picture, write_nifti, write_png, write_text
from scanwright.api.output import require_format
from scanwright.errors import InputError


def test_require_format(tmp_path):
    volume = made_case("a", images=(write_nifti(tmp_path / "a.nii.gz", ball(1)[0]),))
    shot = made_case("b", images=(write_png(tmp_path / "b.png", picture(1)[0]),))
    broken = made_case("c", images=(write_text(tmp_path / "c.nii.gz", "no image"),))
    for format_ in ("auto", "nifti", "labels"):
        require_format([volume, shot, broken], format_, channels=1)
    require_format([shot, broken], "png", channels=1)
    with pytest.raises(InputError, match="one slice in pixels") as caught:
        require_format([shot, volume, broken], "png", channels=1)
    assert (caught.value.where, caught.value.found) == (
        tmp_path / "a.nii.gz",
        "1 of 3 scans with slices or a scale in mm",
    )
    for format_ in ("dicom", "dicom-labelmap", "rtstruct"):
        with pytest.raises(InputError, match="needs a DICOM scan"):
            require_format([shot], format_, channels=1)
