"""Half of a DICOM scan is not answered as if it were whole."""

import pytest

from made_folders import made_task
from made_series import axial, write_series
from scanwright.api.dicom_scans import dicom_cases
from scanwright.errors import InputError


def test_dicom_cases__a_link_to_nothing(tmp_path):
    """In place of the last slice, where no gap would show that one is missing."""
    *_, last = write_series(tmp_path / "scan", axial())
    assert [len(case.images[0].files) for case in dicom_cases([tmp_path / "scan"], made_task())] == [4]
    last.unlink()
    last.symlink_to("/gone/004.dcm")
    with pytest.raises(InputError, match="a link to nothing") as caught:
        dicom_cases([tmp_path / "scan"], made_task())
    assert caught.value.where == last
    (tmp_path / "scan/.hidden").symlink_to("/gone")
    last.unlink()
    assert len(dicom_cases([tmp_path / "scan"], made_task())) == 1
