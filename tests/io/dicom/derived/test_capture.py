"""Overlays as secondary captures: pixels come back, sources are named, dciodvfy finds no error."""

from copy import deepcopy
from datetime import datetime

import numpy as np
import pydicom
import pytest

from dicom_peers import conformance_errors, needs_dciodvfy
from made_series import axial, write_series
from scanwright.errors import InputError
from scanwright.io.dicom.derived.capture import write_capture
from scanwright.io.dicom.derived.provenance import Model
from scanwright.io.dicom.encoded import read_encoded
from scanwright.io.dicom.intake import open_instance
from scanwright.io.dicom.pixels import PixelFrames

MODEL = Model("liver net", "1.2.0", "ab" * 32)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return [open_instance(path).dataset for path in write_series(tmp_path_factory.mktemp("ct"), axial())]


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (4, 5, 7, 3), dtype=np.uint8)  # odd, so that a byte is padded


@pytest.mark.parametrize("count", [1, 3, 4])
def test_round_trip(sources, pictures, tmp_path, count) -> None:
    given = pictures[:count]
    uid = write_capture(tmp_path / "made.dcm", given, sources=sources, model=MODEL)
    dataset = pydicom.dcmread(tmp_path / "made.dcm")
    assert np.array_equal(dataset.pixel_array.reshape(given.shape), given) and dataset.SOPInstanceUID == uid
    ours = PixelFrames(read_encoded(open_instance(tmp_path / "made.dcm")))
    assert all(np.array_equal(ours.decode(number)[0], picture) for number, picture in enumerate(given))
    assert (dataset.BurnedInAnnotation, dataset.ConversionType, dataset.Modality) == ("NO", "SYN", "OT")
    assert "Research use" in dataset.DerivationDescription and "liver net 1.2.0" in dataset.DerivationDescription
    assert [one.ReferencedSOPInstanceUID for one in dataset.SourceImageSequence] == [s.SOPInstanceUID for s in sources]
    assert dataset.ReferencedSeriesSequence[0].SeriesInstanceUID == sources[0].SeriesInstanceUID
    assert dataset.SeriesInstanceUID != sources[0].SeriesInstanceUID
    assert (dataset.StudyInstanceUID, str(dataset.PatientName)) == (sources[0].StudyInstanceUID, "Phantom^Müller")


def test_one_picture_without_a_first_axis(sources, pictures, tmp_path) -> None:
    write_capture(tmp_path / "made.dcm", pictures[0], sources=sources[:1], model=MODEL)
    dataset = pydicom.dcmread(tmp_path / "made.dcm")
    assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7" and "NumberOfFrames" not in dataset
    assert np.array_equal(dataset.pixel_array, pictures[0])


@needs_dciodvfy
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("has_text", [False, True])
def test_dciodvfy_finds_no_error(sources, pictures, tmp_path, count, has_text) -> None:
    write_capture(tmp_path / "made.dcm", pictures[:count], sources=sources, model=MODEL, has_text=has_text)
    assert conformance_errors(tmp_path / "made.dcm") == []


def test_text_and_loss_are_inherited(sources, pictures, tmp_path) -> None:
    changed = deepcopy(sources)
    changed[1].BurnedInAnnotation = "YES"
    changed[2].LossyImageCompression, changed[2].LossyImageCompressionRatio = "01", "12.5"
    write_capture(tmp_path / "made.dcm", pictures, sources=changed, model=MODEL)
    dataset = pydicom.dcmread(tmp_path / "made.dcm")
    assert (dataset.BurnedInAnnotation, dataset.LossyImageCompression) == ("YES", "01")
    assert float(dataset.LossyImageCompressionRatio) == 12.5


def test_the_same_pictures_have_the_same_bytes(sources, pictures, tmp_path) -> None:
    for name in ("a.dcm", "b.dcm"):
        write_capture(tmp_path / name, pictures, sources=sources, model=MODEL, made=datetime(2026, 3, 4, 5, 6, 7))
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 5, 7, 3)),
        np.zeros((5, 7), np.uint8),
        np.zeros((2, 5, 7, 4), np.uint8),
        np.zeros((0, 5, 7, 3), np.uint8),
    ],
    ids=["floats", "grey", "transparent", "none"],
)
def test_what_is_no_picture_is_refused(sources, tmp_path, wrong) -> None:
    with pytest.raises(InputError, match="colour"):
        write_capture(tmp_path / "made.dcm", wrong, sources=sources, model=MODEL)
    assert list(tmp_path.iterdir()) == []
