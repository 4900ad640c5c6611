"""A volume is read again by its name alone: the right one of its series, whatever files it shares with others."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from made_dicom import ENHANCED_MR, PET, US, header, placed, slices, write
from scanwright.errors import InputError
from scanwright.io.dicom.read import read_stack
from scanwright.io.dicom.scan import read_scan, scan_of
from scanwright.io.dicom.series import files_in, find_series

DATA = Path(__file__).parents[4] / "shared" / "data" / "dicom"


def read_again(folder):
    """Every volume of a folder, compared with itself as read by its name; gives the names."""
    names = []
    for series in find_series(files_in(folder)).series:
        for stack in series.volumes:
            first, again = read_stack(stack), read_scan(scan_of(stack, series))
            assert np.array_equal(first.voxels, again.voxels), stack.name
            assert np.array_equal(first.grid.affine, again.grid.affine), stack.name
            names.append(stack.name)
    return names


def test_echoes_in_files_of_their_own(tmp_path):
    slices(
        tmp_path, [0, 1, 2] * 2, EchoTime=[4.6] * 3 + [9.2] * 3, SOPInstanceUID=[f"1.{n}" for n in range(6)]
    )  # fmt: skip
    assert read_again(tmp_path) == ["echo 4.6", "echo 9.2"]


def test_two_orientations(tmp_path):
    slices(tmp_path / "a", [0, 1, 2])
    for number in range(3):
        place = placed((number, 0, 0), directions=(0, 1, 0, 0, 0, -1))
        plane = np.full((4, 5), 50 + number, np.int16)
        write(tmp_path / "b" / f"{number}.dcm", header(plane, **place, SOPInstanceUID=f"1.7.{number}"))
    assert read_again(tmp_path) == ["axial 5 x 4", "sagittal 5 x 4"]


def enhanced(path, echoes, *, first):
    """Two slices for each echo; the voxels of a frame are `first` and more."""
    frames = [(z, echo) for echo in echoes for z in (0.0, 2.0)]
    pixels = (first + np.arange(len(frames), dtype=np.uint16))[:, None, None] * np.ones((4, 5), np.uint16)
    made = header(pixels, SOPClassUID=ENHANCED_MR, Modality="MR", SOPInstanceUID=f"1.5.{first}")
    groups = []
    for z, echo in frames:
        position, orientation, measures, timing, group = (Dataset() for _ in range(5))
        position.ImagePositionPatient, measures.PixelSpacing = [0, 0, z], [1, 1]
        orientation.ImageOrientationPatient, timing.EffectiveEchoTime = [1, 0, 0, 0, 1, 0], echo
        group.PlanePositionSequence, group.PlaneOrientationSequence = [position], [orientation]
        group.PixelMeasuresSequence, group.MREchoSequence = [measures], [timing]
        groups.append(group)
    made.PerFrameFunctionalGroupsSequence = groups
    return write(path, made)


def test_echoes_that_share_a_file(tmp_path):
    enhanced(tmp_path / "a.dcm", (5.0, 10.0), first=1)
    enhanced(tmp_path / "b.dcm", (15.0,), first=50)
    assert read_again(tmp_path) == ["echo 5", "echo 10", "echo 15"]


def test_frames_of_two_loops(tmp_path):
    """They are numbered through: the fifth is the second file's third."""
    for number, first in ((1, 1), (2, 50)):
        pixels = (first + np.arange(4 * number, dtype=np.uint8))[:, None, None] * np.ones((4, 5), np.uint8)
        about = {"SOPClassUID": US, "Modality": "US", "SOPInstanceUID": f"1.5.{number}", "InstanceNumber": number}
        write(tmp_path / f"{number}.dcm", header(pixels, **about))
    assert read_again(tmp_path)[6:9] == ["frame 7", "frame 8", "frame 9"]


def test_a_late_frame_of_a_dynamic_pet_decays_from_the_start_of_the_series(tmp_path):
    drug = Dataset()
    drug.RadionuclideTotalDose, drug.RadionuclideHalfLife, drug.RadiopharmaceuticalStartTime = 350e6, 6600, "100000"
    about = {
        "SOPClassUID": PET, "Modality": "PT", "Units": "BQML", "PatientWeight": 70, "DecayCorrection": "START",
        "CorrectedImage": ["DECY", "ATTN"], "SeriesDate": "20260102", "AcquisitionDate": "20260102",
        "SeriesTime": "133000", "NumberOfSlices": 2, "NumberOfTimeSlices": 2, "RadiopharmaceuticalInformationSequence": [drug],
    }  # fmt: skip
    for frame, acquired in enumerate(("130000", "140000")):
        for k in range(2):
            own = {
                "AcquisitionTime": acquired,
                "TemporalPositionIdentifier": frame + 1,
                "InstanceNumber": 2 * frame + k + 1,
            }
            place = placed((0, 0, 3.0 * k), SOPInstanceUID=f"1.6.{frame}.{k}")
            write(tmp_path / f"{frame}{k}.dcm", header(np.full((4, 5), 100, np.uint16), **about, **own, **place))
    assert len(read_again(tmp_path)) == 2


def test_a_volume_that_is_not_there_any_more(tmp_path):
    paths = slices(tmp_path, [0, 1, 2] * 2, EchoTime=[4.6] * 3 + [9.2] * 3, SOPInstanceUID=[f"1.{n}" for n in range(6)])
    (series,) = find_series(paths).series
    scan = scan_of(series.volumes[0], series)
    scan.files[0].write_bytes(scan.files[0].read_bytes()[:-9])
    with pytest.raises(InputError, match="cannot be read"):
        read_scan(scan)


@pytest.mark.data
def test_what_scanners_put_into_one_series():
    if not DATA.exists():
        pytest.skip("the shared data are not here")
    names = read_again(DATA / "mr_siemens_mosaic_ge_epi")
    assert len(names) > 5
