"""Judged cases as plain data and back, so that models can be compared long after, without images.

What a row holds is kept: scores, probabilities, boxes, findings. Numbers keep all their digits. Names of cases and patients
are as the row has them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from scanwright.errors import InputError
from scanwright.evaluation.boxes.detected import DetectedCase
from scanwright.evaluation.cases.judged import ClassifiedCase, Codes, MeasuredCase
from scanwright.evaluation.label_maps.evaluate import CaseRow
from scanwright.evaluation.label_maps.lesions import Lesions
from scanwright.types import JSON, Array

Row = TypeVar("Row")


def scored_to_plain(row: CaseRow) -> dict[str, JSON]:
    """A case of a segmentation."""
    metrics = {region: {name: plain(value) for name, value in scores.items()} for region, scores in row.metrics.items()}
    return {**_head(row), "metrics": metrics, **lesions_to_plain(row.lesions)}


def scored_from_plain(data: Mapping[str, Any]) -> CaseRow:
    """The same back."""
    metrics = {
        str(region): {str(name): _number(value) for name, value in scores.items()}
        for region, scores in data["metrics"].items()
    }
    return CaseRow(**_head_of(data), metrics=metrics, lesions=lesions_from_plain(data))


def classified_to_plain(row: ClassifiedCase) -> dict[str, JSON]:
    """A case of a classification."""
    chances = [plain(value) for value in row.probabilities]
    return {**_head(row), "probabilities": chances, "truth": _codes(row.truth), "decision": _codes(row.decision)}


def classified_from_plain(data: Mapping[str, Any]) -> ClassifiedCase:
    """The same back."""
    return ClassifiedCase(**classified_parts(data))


def classified_parts(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a `ClassifiedCase` is made of."""
    return {
        **_head_of(data),
        "probabilities": tuple(float(value) for value in data["probabilities"]),
        "truth": _codes_of(data["truth"]),
        "decision": _codes_of(data["decision"]),
    }


def measured_to_plain(row: MeasuredCase) -> dict[str, JSON]:
    """A case of a regression."""
    return {
        **_head(row),
        "predicted": [plain(value) for value in row.predicted],
        "truth": [plain(value) for value in row.truth],
    }


def measured_from_plain(data: Mapping[str, Any]) -> MeasuredCase:
    """The same back."""
    predicted, truth = (tuple(_number(value) for value in data[name]) for name in ("predicted", "truth"))
    return MeasuredCase(
        **_head_of(data), predicted=tuple(float(value) for value in predicted if value is not None), truth=truth
    )


ARRAYS = {"found": float, "scores": float, "codes": int, "true": float, "true_codes": int, "ignored": bool}


def detected_to_plain(row: DetectedCase) -> dict[str, JSON]:
    """A case of a detection."""
    return {
        **_head(row),
        **{name: _array(getattr(row, name)) for name in ARRAYS},
        "spacing": list(row.spacing),
        "unit": row.unit,
        "thresholds": list(row.thresholds),
    }


def detected_from_plain(data: Mapping[str, Any]) -> DetectedCase:
    """The same back."""
    arrays: dict[str, Any] = {name: np.array(data[name], dtype=kind) for name, kind in ARRAYS.items()}
    for name in ("found", "true"):
        arrays[name] = arrays[name].reshape(-1, 2, 3)
    i, j, k = (float(edge) for edge in data["spacing"])
    limits = tuple(float(value) for value in data["thresholds"])
    return DetectedCase(**_head_of(data), **arrays, spacing=(i, j, k), unit=data["unit"], thresholds=limits)


def lesions_to_plain(lesions: Mapping[str, Lesions]) -> dict[str, JSON]:
    """{"lesions": …} of a row, {} without any."""
    if not lesions:
        return {}
    return {
        "lesions": {
            kind: {
                "true_sizes": _array(one.true_sizes),
                "found_sizes": _array(one.found_sizes),
                "partners": _array(one.partners),
                "regions": list(one.regions),
                "true_regions": list(one.true_regions),
                "found_regions": list(one.found_regions),
                "unit": one.unit,
            }
            for kind, one in lesions.items()
        }
    }


def lesions_from_plain(data: Mapping[str, Any]) -> dict[str, Lesions]:
    """The lesions of a row by kind."""
    return {
        str(kind): Lesions(
            true_sizes=np.array(one["true_sizes"], float),
            found_sizes=np.array(one["found_sizes"], float),
            partners=np.array(one["partners"], int),
            regions=tuple(one["regions"]),
            true_regions=tuple(one["true_regions"]),
            found_regions=tuple(one["found_regions"]),
            unit=str(one["unit"]),
        )
        for kind, one in data.get("lesions", {}).items()
    }


def read_rows(data: JSON, read: Callable[[Mapping[str, Any]], Row], *, where: object) -> list[Row]:
    """Rows of a list of plain data. Raises InputError, naming `where`, for what is none."""
    try:
        return [read(one) for one in data]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(
            "judged cases that cannot be read",
            where=where,
            found=repr(error)[:160],
            hint="Make them anew: run the command that wrote them again.",
        ) from error


def plain(value: float | None) -> float | None:
    """A number as JSON holds it; None for what is not defined."""
    return None if value is None or not np.isfinite(value) else float(value)


def _head(row: Any) -> dict[str, JSON]:
    return {"case": row.case, "patient": row.patient, "fold": row.fold, "groups": dict(row.groups)}


def _head_of(data: Mapping[str, Any]) -> dict[str, Any]:
    fold = data["fold"]
    return {
        "case": str(data["case"]),
        "patient": str(data["patient"]),
        "fold": None if fold is None else int(fold),
        "groups": {str(name): str(value) for name, value in data["groups"].items()},
    }


def _array(values: Array) -> list[JSON]:
    if values.dtype.kind != "f":
        return list(values.tolist())
    flat = [plain(value) for value in values.ravel().tolist()]
    return list(np.array(flat, float).reshape(values.shape).tolist())


def _codes(codes: Codes) -> JSON:
    return list(codes) if isinstance(codes, tuple) else int(codes)


def _codes_of(data: JSON) -> Codes:
    if isinstance(data, list):
        return tuple(None if one is None else bool(one) for one in data)
    return int(data)


def _number(value: JSON) -> float | None:
    return None if value is None else float(value)


def same_truth(rows: Sequence[Any], others: Sequence[Any], fields: Sequence[str]) -> list[str]:
    """The cases, in the order of both, of which two sets of rows say that something else is true. fields: what holds the
    truth.
    """
    return [
        row.case
        for row, other in zip(rows, others, strict=True)
        if not all(_is_same(getattr(row, name), getattr(other, name)) for name in fields)
    ]


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and bool(np.allclose(one, other, rtol=1e-6, atol=1e-6))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other, rtol=1e-6, atol=1e-9))
    return bool(one == other)
