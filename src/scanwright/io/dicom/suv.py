"""PET: from activity to standardised uptake values by body weight, g/ml.

SUV = activity [Bq/ml] * weight [g] / dose [Bq], the dose decayed to the time that the images are corrected to. A header that
lacks one of these is not guessed at: `Scale.doubt` says what is missing.
Source: QIBA, "Vendor-neutral pseudo-code for SUV calculation" (2011); DICOM PS3.3 C.8.9.1.
"""

import math
from dataclasses import replace
from datetime import datetime, timedelta

from scanwright.io.dicom.elements import Elements, item, number, private_number, text, words
from scanwright.io.dicom.values import Scale

UNIT = "SUVbw"
PHILIPS_SUV, PHILIPS_ACTIVITY = (0x7053, 0x1000), (0x7053, 0x1009)
MAX_WEIGHT_KG = 500.0


def as_suv(scale: Scale, header: Elements) -> Scale:
    """The scale that turns stored numbers into SUV, or the given one with a doubt. header: of a PET image."""
    units = text(header, "Units").upper()
    if units == "GML":
        kind = text(header, "SUVType").upper() or "BW"
        return replace(scale, unit=UNIT) if kind == "BW" else replace(scale, doubt=f"SUV by {kind}, not by body weight")
    if units == "CNTS":
        factor = private_number(header, *PHILIPS_SUV)
        if factor is not None and factor > 0:
            return _times(scale, factor)
        activity = private_number(header, *PHILIPS_ACTIVITY)
        if activity is None or activity <= 0:
            return replace(scale, doubt="counts without a calibration")
        scale = Scale(scale.slope * activity, scale.intercept * activity)
    elif units != "BQML":
        return replace(scale, doubt=f"PET values in {units or 'no unit'}")
    factor, missing = _factor(header)
    return replace(scale, doubt=missing) if factor is None else _times(scale, factor)


def _times(scale: Scale, factor: float) -> Scale:
    return Scale(scale.slope * factor, scale.intercept * factor, unit=UNIT)


def _factor(header: Elements) -> tuple[float | None, str]:
    """SUV for each Bq/ml; or None, and what is missing."""
    tracer = item(header, "RadiopharmaceuticalInformationSequence")
    weight, dose = number(header, "PatientWeight"), number(tracer, "RadionuclideTotalDose")
    half_life = number(tracer, "RadionuclideHalfLife")
    if weight is None or not 0 < weight < MAX_WEIGHT_KG:
        return None, "no body weight"
    if dose is None or dose <= 0:
        return None, "no injected dose"
    correction = text(header, "DecayCorrection").upper()
    if "DECY" not in words(header, "CorrectedImage") or correction not in ("START", "ADMIN"):
        return None, "not corrected for decay"
    if correction == "ADMIN":
        return weight * 1000 / dose, ""
    began, injected = scan_start(header), injection(header, tracer)
    if half_life is None or half_life <= 0 or began is None or injected is None:
        return None, "no half-life, start of the scan or time of injection"
    waited = (began - injected).total_seconds()
    if not 0 <= waited <= 24 * 3600:
        return None, "an injection that is not within the day before the scan"
    return weight * 1000 / (dose * math.exp2(-waited / half_life)), ""


def scan_start(header: Elements) -> datetime | None:
    """When the scan began: the series' time, unless it is later than the acquisition's (a series made afterwards)."""
    series = _moment(text(header, "SeriesDate"), text(header, "SeriesTime"))
    acquired = _moment(text(header, "AcquisitionDate"), text(header, "AcquisitionTime"))
    if series is None or (acquired is not None and series > acquired):
        return acquired
    return series


def injection(header: Elements, tracer: Elements) -> datetime | None:
    """When the tracer was injected. A time without a date is of the scan's day, or of the day before if it were later."""
    given = text(tracer, "RadiopharmaceuticalStartDateTime")
    if given:
        return _moment(given[:8], given[8:14])
    began = scan_start(header)
    day = text(header, "SeriesDate") or text(header, "AcquisitionDate")
    found = _moment(day, text(tracer, "RadiopharmaceuticalStartTime"))
    return found - timedelta(days=1) if found is not None and began is not None and found > began else found


def _moment(day: str, time: str) -> datetime | None:
    """A date (YYYYMMDD) and a time (HHMMSS, fractions left out)."""
    digits = day.replace("-", "")[:8] + time.replace(":", "")[:6].ljust(6, "0")
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S") if time else None
    except ValueError:
        return None
