"""SUV by body weight: one case worked out by hand, and what is refused when a header lacks a piece."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from made_dicom import header
from scanwright.io.dicom.suv import in_suv, read_uptake
from scanwright.io.dicom.values import Scale


def pet(tracer=(), **elements):
    """70 kg, 350 MBq at 10:00, half-life of 110 minutes, scanned at 11:50."""
    drug = Dataset()
    values = {
        "RadionuclideTotalDose": 350e6,
        "RadionuclideHalfLife": 6600.0,
        "RadiopharmaceuticalStartTime": "100000.00",
    }
    for name, value in {**values, **dict(tracer)}.items():
        if value is not None:
            setattr(drug, name, value)
    made = {
        "Units": "BQML", "PatientWeight": 70, "DecayCorrection": "START", "CorrectedImage": ["DECY", "ATTN"],
        "SeriesDate": "20260102", "SeriesTime": "115000", "AcquisitionDate": "20260102", "AcquisitionTime": "115000",
    }  # fmt: skip
    return header(
        np.zeros((2, 2), np.uint16), **{**made, "RadiopharmaceuticalInformationSequence": Sequence([drug]), **elements}
    )


def as_suv(scale, *headers):
    """The scale of the first of these slices."""
    return in_suv([scale] * len(headers), [read_uptake(one) for one in headers])[0]


def test_by_hand():
    """After one half-life 175 MBq are left: SUV = Bq/ml * 70,000 g / 175e6 Bq = 0.0004 a Bq/ml."""
    found = as_suv(Scale(2, 10), pet())
    assert (found.slope, found.intercept) == pytest.approx((0.0008, 0.004))
    assert (found.unit, found.doubt) == ("SUVbw", "")


def test_corrected_to_the_injection():
    assert as_suv(Scale(), pet(DecayCorrection="ADMIN")).slope == pytest.approx(70_000 / 350e6)


def test_a_series_made_later_than_its_acquisition():
    """A series that was written the next day: the acquisition's time counts."""
    assert as_suv(Scale(), pet(SeriesDate="20260103")).slope == pytest.approx(0.0004)


def test_injected_before_midnight():
    early = {"SeriesTime": "001000", "AcquisitionTime": "001000"}
    found = as_suv(Scale(), pet({"RadiopharmaceuticalStartTime": "222000"}, **early))
    assert found.slope == pytest.approx(0.0004)
    dated = {"RadiopharmaceuticalStartDateTime": "20260101222000"}
    assert as_suv(Scale(), pet(dated, **early)).slope == pytest.approx(0.0004)


def test_units_that_need_no_weight():
    assert as_suv(Scale(3, 0), pet(Units="GML")) == Scale(3, 0, unit="SUVbw")
    counts = pet(Units="CNTS")
    counts.add_new((0x7053, 0x0010), "LO", "Philips PET Private Group")
    counts.add_new((0x7053, 0x1000), "DS", "0.001")
    assert as_suv(Scale(2, 0), counts).slope == pytest.approx(0.002)
    activity = pet(Units="CNTS")
    activity.add_new((0x7053, 0x1009), "DS", "5")
    assert as_suv(Scale(2, 0), activity).slope == pytest.approx(2 * 5 * 0.0004)


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"PatientWeight": None}, "no body weight"),
        ({"PatientWeight": 0}, "no body weight"),
        ({"tracer": {"RadionuclideTotalDose": None}}, "no injected dose"),
        ({"tracer": {"RadionuclideTotalDose": 350}}, "a dose of 350 Bq for 70 kg"),
        ({"tracer": {"RadionuclideTotalDose": 350e3}}, "a dose of 350000 Bq for 70 kg"),
        ({"DecayCorrection": "NONE"}, "not corrected for decay"),
        ({"CorrectedImage": ["ATTN"]}, "not corrected for decay"),
        ({"tracer": {"RadionuclideHalfLife": None}}, "no half-life"),
        ({"tracer": {"RadiopharmaceuticalStartTime": None}}, "time of injection"),
        ({"tracer": {"RadiopharmaceuticalStartDateTime": "20251231100000"}}, "within the day"),
        ({"Units": "GML", "SUVType": "LBM"}, "SUV by LBM"),
        ({"Units": "CNTS"}, "without a calibration"),
        ({"Units": "PROPCPS"}, "PET values in PROPCPS"),
        ({"Units": None}, "PET values in no unit"),
    ],
)
def test_what_is_missing_is_said(change, doubt):
    found = as_suv(Scale(2, 1), pet(**change))
    assert doubt in found.doubt
    assert (found.slope, found.intercept) == (2, 1)


def beds(*minutes, series="13:00", **elements):
    """Slices of beds that were scanned at 11:50 and these minutes; the series' time is later than all of them."""
    made = [
        pet(SeriesTime=series.replace(":", "") + "00", AcquisitionTime=f"11{50 + one}00", **elements) for one in minutes
    ]
    return made if len(made) > 1 else made[0]


@pytest.mark.parametrize("series", ["13:00", "11:53"])
def test_one_start_for_all_beds(series):
    """Corrected to the start of the scan, 11:50, one half-life after the injection: all beds have one factor."""
    made = beds(0, 5, 9, series=series)
    found = in_suv([Scale(2, 0)] * 3, [read_uptake(one) for one in made])
    assert [one.slope for one in found] == pytest.approx([0.0008] * 3)


def test_the_series_time_of_a_later_bed():
    """The series' time is not after any acquisition: it is the start, although the first bed is missing."""
    assert as_suv(Scale(), *beds(5, 9, series="11:50")).slope == pytest.approx(0.0004)


def ge(made, start="20260102115000.00"):
    made.add_new((0x0009, 0x0010), "LO", "GEMS_PETD_01")
    made.add_new((0x0009, 0x100D), "DT", start)
    return made


def test_ge_s_own_time_of_the_scan():
    assert as_suv(Scale(), *map(ge, beds(5, 9))).slope == pytest.approx(0.0004)
    assert as_suv(Scale(), *map(ge, beds(5, 9, series="11:52"))).slope == pytest.approx(2 * 0.0002 * 2 ** (2 / 110))


@pytest.mark.parametrize(
    ("headers", "doubt"),
    [
        (lambda: [*beds(0, 5), pet(SeriesTime="130000", AcquisitionTime=None)], "no one start"),
        (lambda: beds(0, 5, NumberOfSlices=3), "no one start"),
        (lambda: beds(0, 5, NumberOfSlices=2, NumberOfTimeSlices=2), "no one start"),
        (lambda: [ge(beds(5)), ge(beds(9), "20260102115100")], "no one start"),
        (lambda: [ge(beds(5)), beds(9)], "no one start"),
        (lambda: [pet(SeriesTime="115000"), pet(SeriesTime="114900")], "no one start"),
        (lambda: [pet(), pet(PatientWeight=71)], "several doses or body weights"),
        (lambda: [pet(), pet({"RadionuclideTotalDose": 351e6})], "several doses or body weights"),
        (lambda: [pet(), pet(Units="GML")], "several units"),
    ],
)
def test_a_series_that_leaves_it_open_is_not_guessed_at(headers, doubt):
    made = headers()
    found = in_suv([Scale(2, 1)] * len(made), [read_uptake(one) for one in made])
    assert all(doubt in one.doubt and (one.slope, one.intercept) == (2, 1) for one in found)
