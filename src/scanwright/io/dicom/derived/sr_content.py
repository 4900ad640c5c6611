"""The single pieces of a measurement group, as highdicom takes them: a number, a coded answer, a place, who measured.

Source: DICOM PS3.16 TID 300, 1419, 1501 and 4019.
"""

from typing import Any

from pydicom.sr.coding import Code as PydicomCode
from pydicom.uid import UID

from scanwright.io.dicom.derived.codes import SIDES, STRUCTURE, Code, RegionCodes, label_of, private_code
from scanwright.io.dicom.derived.provenance import MANUFACTURER, Model
from scanwright.io.dicom.derived.seg import Segment
from scanwright.io.dicom.derived.sr import (
    ATTENUATION,
    COMMENT,
    COMPARISON,
    MR_SIGNAL,
    PROBABILITY,
    SERIES_UID,
    STUDY_DATE,
    STUDY_UID,
    SUV,
    UNITS,
    PriorStudy,
)
from scanwright.io.dicom.derived.sr_concepts import CONFIDENCE

CONTAINS = "CONTAINS"
DECIMALS = 3
"""Of a probability or a confidence; more are noise."""


def concept(code: Code) -> PydicomCode:
    """A code as highdicom takes it."""
    return PydicomCode(code.value, code.scheme, code.meaning)


def measurement(name: Code, value: float, unit: str, derivation: Code | None = None) -> Any:
    """A number with its unit, a key of `sr.UNITS`. derivation: mean, minimum …; None for the thing itself."""
    from highdicom import sr

    return sr.Measurement(
        name=concept(name),
        value=round(float(value), DECIMALS) if name in (PROBABILITY, CONFIDENCE) else float(value),
        unit=concept(UNITS[unit]),
        derivation=None if derivation is None else concept(derivation),
    )


def comment(words: str) -> Any:
    """A text for people, on the report as a whole."""
    from highdicom import sr

    return sr.TextContentItem(name=concept(COMMENT), value=words, relationship_type=CONTAINS)


def comparison(prior: PriorStudy | None) -> list[Any]:
    """What a report is compared with, as a part of the report; [] of nothing, and of a study whose UID is none."""
    from highdicom import sr

    if prior is None or not _is_uid(prior.study):
        return []
    part = sr.ContainerContentItem(name=concept(COMPARISON), relationship_type=CONTAINS)
    uids = [(STUDY_UID, prior.study), (SERIES_UID, prior.series)]
    listed: list[Any] = [sr.UIDRefContentItem(concept(name), uid, CONTAINS) for name, uid in uids if _is_uid(uid)]
    if prior.date:
        listed.append(sr.DateContentItem(concept(STUDY_DATE), prior.date, CONTAINS))
    part.ContentSequence = sr.ContentSequence(listed)
    return [part]


def _is_uid(text: str) -> bool:
    return bool(text) and UID(text, 0).is_valid


def evaluation(question: Code, answer: Code) -> Any:
    """A coded question and its coded answer."""
    from highdicom import sr

    return sr.QualitativeEvaluation(name=concept(question), value=concept(answer))


def tracking(identifier: str, uid: str) -> Any:
    """What a thing is called, and the UID that it has in every object that speaks of it."""
    from highdicom import sr

    return sr.TrackingIdentifier(uid=uid, identifier=label_of(identifier))


def sites_of(thing: Segment | RegionCodes) -> list[Any] | None:
    """Where something is: a lesion's site, or a structure itself; with side and position. None where nothing says it."""
    from highdicom import sr

    structure = thing.category is not None and thing.category.value == STRUCTURE.value
    site, modifiers = (thing.type, thing.modifiers) if structure else (thing.site, thing.site_modifiers)
    if site is None:
        return None
    sides = {code.value for code in SIDES.values()}
    laterality = next((code for code in modifiers if code.value in sides), None)
    position = next((code for code in modifiers if code.value not in sides), None)
    return [
        sr.FindingSite(
            anatomic_location=concept(site),
            laterality=None if laterality is None else concept(laterality),
            topographical_modifier=None if position is None else concept(position),
        )
    ]


def algorithm(model: Model) -> Any:
    """The model, its version, and its package's hash, which stand in every group."""
    from highdicom import sr

    return sr.AlgorithmIdentification(
        name=label_of(model.name),
        version=label_of(model.version),
        parameters=[f"package={model.hash or 'none'}"],
        manufacturer=MANUFACTURER,
    )


def grey_value(unit: str, modality: str) -> Code:
    """What an image's values are called: attenuation in HU, SUV, MR signal, else an intensity of no known kind."""
    intensity = MR_SIGNAL if modality == "MR" else private_code("Intensity")
    return {"HU": ATTENUATION, "SUVbw": SUV}.get(unit, intensity)
