"""PET: from activity to standardised uptake values by body weight, g/ml.

SUV = activity [Bq/ml] * weight [g] / dose [Bq], the dose decayed to the time that the images are corrected to. That time is one
for all slices of a series, so that each header is read first (`read_uptake`) and the slices get their scales together
(`in_suv`). A series whose headers lack a piece, or contradict one another, is not guessed at: `Scale.doubt` says why.
Source: QIBA, "Vendor-neutral pseudo-code for SUV calculation" (2011); DICOM PS3.3 C.8.9.1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scanwright.io.dicom.elements import Elements, item, number, private_number, text, value_of, whole, words
from scanwright.io.dicom.values import Scale

UNIT = "SUVbw"
PHILIPS_SUV, PHILIPS_ACTIVITY = (0x7053, 0x1000), (0x7053, 0x1009)
GE_START, GE = 0x0009100D, "GEMS_PETD_01"
COUNTS = ("NumberOfSlices", "NumberOfTimeSlices", "NumberOfTimeSlots", "NumberOfRRIntervals")
MAX_WEIGHT_KG = 500.0
LEAST_BQ_PER_KG = 1e4  # people get 1e5 to 1e8; a usual dose in kBq or MBq by mistake is below it


@dataclass(frozen=True, slots=True)
class Uptake:
    """What one PET header says of SUV.

    units: of the rescaled numbers, as the header has them. factor: what makes them SUV, where no dose is needed, else Bq/ml.
    doubt: why that cannot be known, "" if it can. dose: None where none is needed. series, acquired, ge_start: times from which
    the start of the scan is found. images: how many the whole series has, as far as the header says it.
    """

    units: str
    factor: float = 1.0
    doubt: str = ""
    dose: "Dose | None" = None
    series: datetime | None = None
    acquired: datetime | None = None
    ge_start: datetime | None = None
    images: int = 1


@dataclass(frozen=True, slots=True)
class Dose:
    """A dose, its body, and its decay. day: of the injection, "" where only its time is given; both as in DICOM.

    decays: whether images are corrected to the start of the scan, not to the injection.
    """

    weight_kg: float
    becquerel: float
    decays: bool
    half_life_s: float | None
    day: str
    time: str


def read_uptake(header: Elements) -> Uptake:
    """What a PET header says of SUV, as far as it is known without the other slices."""
    units = text(header, "Units").upper()
    if units == "GML":
        kind = text(header, "SUVType").upper() or "BW"
        return Uptake(units, doubt="" if kind == "BW" else f"SUV by {kind}, not by body weight")
    factor = 1.0
    if units == "CNTS":
        known, activity = private_number(header, *PHILIPS_SUV), private_number(header, *PHILIPS_ACTIVITY)
        if known is not None and known > 0:
            return Uptake(units, known)
        if activity is None or activity <= 0:
            return Uptake(units, doubt="counts without a calibration")
        factor = activity
    elif units != "BQML":
        return Uptake(units, doubt=f"PET values in {units or 'no unit'}")
    dose, missing = _dose(header)
    return Uptake(
        units,
        factor,
        missing,
        dose,
        series=_moment(text(header, "SeriesDate"), text(header, "SeriesTime")),
        acquired=_moment(text(header, "AcquisitionDate"), text(header, "AcquisitionTime")),
        ge_start=_ge_start(header),
        images=math.prod(whole(header, name) or 1 for name in COUNTS),
    )


def in_suv(scales: Sequence[Scale], uptakes: Sequence[Uptake]) -> list[Scale]:
    """The scales that turn the stored numbers of all slices of one series into SUV, or the given ones with a doubt."""
    doubt = next((one.doubt for one in uptakes if one.doubt), "") or _contradiction(uptakes)
    share, missing = (1.0, doubt) if doubt else _share(uptakes)
    if missing:
        return [replace(scale, doubt=missing) for scale in scales]
    return [_times(scale, one.factor * share) for scale, one in zip(scales, uptakes, strict=True)]


def _times(scale: Scale, factor: float) -> Scale:
    if scale.table:
        return replace(scale, doubt="PET values by a table")
    return Scale(scale.slope * factor, scale.intercept * factor, unit=UNIT)


def _contradiction(uptakes: Sequence[Uptake]) -> str:
    for facts, name in (
        ({one.units for one in uptakes}, "units"),
        ({one.dose for one in uptakes}, "doses or body weights"),
    ):
        if len(facts) > 1:
            return f"slices of several {name}"
    return ""


def _dose(header: Elements) -> tuple[Dose | None, str]:
    """The dose of an image in Bq/ml; or None, and what is missing."""
    tracer = item(header, "RadiopharmaceuticalInformationSequence")
    weight, dose = number(header, "PatientWeight"), number(tracer, "RadionuclideTotalDose")
    if weight is None or not 0 < weight < MAX_WEIGHT_KG:
        return None, "no body weight"
    if dose is None or dose <= 0:
        return None, "no injected dose"
    if dose < LEAST_BQ_PER_KG * weight:
        return None, f"a dose of {dose:g} Bq for {weight:g} kg, too little to be in Bq"
    correction = text(header, "DecayCorrection").upper()
    if "DECY" not in words(header, "CorrectedImage") or correction not in ("START", "ADMIN"):
        return None, "not corrected for decay"
    given = text(tracer, "RadiopharmaceuticalStartDateTime")
    day, time = (given[:8], given[8:14]) if given else ("", text(tracer, "RadiopharmaceuticalStartTime"))
    return Dose(weight, dose, correction == "START", number(tracer, "RadionuclideHalfLife"), day, time), ""


def _share(uptakes: Sequence[Uptake]) -> tuple[float, str]:
    """SUV for each Bq/ml in a series; or what is missing. 1 where no dose is needed."""
    dose = uptakes[0].dose
    if dose is None:
        return 1.0, ""
    share = dose.weight_kg * 1000 / dose.becquerel
    if not dose.decays:
        return share, ""
    began = scan_start(uptakes)
    if began is None:
        return 1.0, "no one start of the scan in all slices"
    injected = injection(dose, began)
    if dose.half_life_s is None or dose.half_life_s <= 0 or injected is None:
        return 1.0, "no half-life or time of injection"
    waited = (began - injected).total_seconds()
    if not 0 <= waited <= 24 * 3600:
        return 1.0, "an injection that is not within the day before the scan"
    return share / math.exp2(-waited / dose.half_life_s), ""


def scan_start(uptakes: Sequence[Uptake]) -> datetime | None:
    """When the scan of a series began, as its slices are corrected to; None if their headers leave it open.

    The series' time, unless it is later than an acquisition's (a series made afterwards); then GE's private time of the
    scan; then the earliest acquisition, if every slice has one and none of the series is missing. Beds and time frames come
    later than that.
    """
    acquired = [one.acquired for one in uptakes if one.acquired is not None]
    series, ge = {one.series for one in uptakes}, {one.ge_start for one in uptakes}
    if None not in series and all(one <= other for one in series for other in acquired):  # type: ignore[operator]
        return next(iter(series)) if len(series) == 1 else None
    if ge != {None}:
        return next(iter(ge)) if len(ge) == 1 else None
    complete = len(acquired) == len(uptakes) >= max(one.images for one in uptakes)
    return min(acquired) if complete else None


def injection(dose: Dose, began: datetime) -> datetime | None:
    """When the tracer was injected. A time without a date is of the scan's day, or of the day before if it were later."""
    if dose.day:
        return _moment(dose.day, dose.time)
    found = _moment(f"{began:%Y%m%d}", dose.time)
    return found - timedelta(days=1) if found is not None and found > began else found


def _ge_start(header: Elements) -> datetime | None:
    if value_of(header, GE_START & 0xFFFF0000 | 0x10) != GE:
        return None
    found = value_of(header, GE_START)
    given = found.decode("ascii", "replace").strip("\0 ") if isinstance(found, bytes) else str(found or "")
    return _moment(given[:8], given[8:14])


def _moment(day: str, time: str) -> datetime | None:
    """A date (YYYYMMDD) and a time (HHMMSS, fractions left out)."""
    digits = day.replace("-", "")[:8] + time.replace(":", "")[:6].ljust(6, "0")
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S") if time else None
    except ValueError:
        return None
