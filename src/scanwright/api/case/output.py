"""In which format an answer is written, and whether it can be, seen from the scans' headers before any work is done."""

import contextlib
from collections.abc import Sequence
from typing import Literal

from scanwright.api.case import endings, results
from scanwright.api.case.opened import Model
from scanwright.dataset.cases import Case
from scanwright.errors import InputError, UsageError
from scanwright.io.formats import is_picture, read_grid
from scanwright.io.source import DicomVolume, place_of
from scanwright.problem.kind import LABELS

OutputFormat = Literal["auto", "nifti", "png", "dicom", "dicom-labelmap", "rtstruct", "labels"]
SUFFIX = {
    "nifti": ".nii.gz",
    "png": ".png",
    "dicom": endings.SEG,
    "dicom-labelmap": endings.SEG,
    "rtstruct": endings.RTSTRUCT,
}
OF_WHOLE: tuple[OutputFormat, ...] = ("auto", "labels", "dicom")
OF_DICOM: tuple[OutputFormat, ...] = ("dicom", "dicom-labelmap", "rtstruct")


def require_format(cases: Sequence[Case], format: OutputFormat, *, model: Model) -> None:
    """Raise InputError, naming the first scan, if a format cannot hold the answer to a scan, UsageError if to none.

    A header that cannot be read is left to whoever reads the scan: it stops no other.
    """
    if model.problem.holds != LABELS:
        if format not in OF_WHOLE:
            hint = "Leave --format out: the answer is written as JSON, and beside a DICOM scan as a DICOM report."
            raise UsageError(
                "this model answers with numbers, and not with labels", found=f"--format {format}", hint=hint
            )
        other = [case for case in cases if not isinstance(case.images[0], DicomVolume)]
        if format == "dicom" and other:
            raise InputError(
                "a DICOM result needs a DICOM scan",
                where=place_of(other[0].images[0]),
                expected="images to refer to",
                hint="Leave --format out: the answer is then written as JSON.",
            )
        return
    channels = len(model.task.channels)
    if format in OF_DICOM:
        for case in cases:
            results.dicom_source(case.images[0])
    if format != "png":
        return
    unfit = [case for case in cases if not is_picture_like(case, channels=channels)]
    if unfit:
        raise InputError(
            "a PNG holds one slice in pixels",
            where=place_of(unfit[0].images[0]),
            found=f"{len(unfit)} of {len(cases)} scans with slices or a scale in mm",
            hint="Leave --format out: volumes are then written as NIfTI, and pictures as PNG.",
        )


def is_picture_like(case: Case, *, channels: int) -> bool:
    """Whether the header of a case's first image says one slice in pixels, or says nothing that can be read."""
    with contextlib.suppress(InputError):
        grid = read_grid(case.images[0], as_channels=channels > 1).grid
        return grid.unit == "px" and grid.shape[2] == 1
    return True


def answer_name(model: Model, case: Case, format: OutputFormat) -> str:
    """The name of the file that holds a case's answer."""
    if model.problem.holds != LABELS:
        return model.problem.file_name(case)
    return f"{case.id}{output_suffix(case, format)}"


def output_suffix(case: Case, format: OutputFormat) -> str:
    """The suffix of an answer."""
    if format not in ("auto", "labels"):
        return SUFFIX[format]
    if is_picture(case.images[0]):
        return SUFFIX["png"]
    return SUFFIX["dicom" if format == "auto" and results.can_refer_to(case.images[0]) else "nifti"]
