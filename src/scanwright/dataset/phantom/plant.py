"""Faults of a whole cohort, planted on purpose in any that `layout.write_examples` or `cohort.write_cohort` wrote.

    planted = plant_in(Path("phantom"), "shortcut-mark", seed=0)
    planted.cases, planted.files, planted.found, planted.codes

The same folder, fault and seed give the same result. `faults.FAULTS` are faults of one file of an nnU-Net folder; both
can be named. A cohort that cannot bear a fault (no labels, no classes, a DICOM series) is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scanwright.dataset.phantom import faults, pixels, plant_answers, plant_copies, plant_labels
from scanwright.dataset.phantom.faults import Planted
from scanwright.dataset.phantom.members import Members, open_cohort
from scanwright.dataset.phantom.plant_copies import Done, near_duplicate
from scanwright.errors import UsageError
from scanwright.files import sha256_bytes
from scanwright.runtime import generator


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of fault: how it is planted, the codes of findings that tell of it, and what a cohort needs to bear it.

    needs: "rows" (nothing but cases.csv), "images", "labels", "labels-of-volumes", "classes", "flat" (pictures), "volumes" or
    "no-boxes" (images that may be changed in their geometry: not where boxes lie on them).
    """

    plant: Callable[[Members, np.random.Generator], Done]
    codes: tuple[str, ...]
    needs: str = "images"


NEAR = ("near-duplicate",)
MISPLACED = ("label-shifted", "label-misfit", "suspicious-mask")
KINDS: Mapping[str, Kind] = {
    "patient-leak": Kind(plant=plant_copies.patient_leak, codes=("patient-on-two-sides",), needs="rows"),
    "renamed-patient": Kind(plant=plant_copies.renamed_patient, codes=(), needs="rows"),
    "exact-duplicate": Kind(plant=plant_copies.exact_duplicate, codes=("duplicate-image",)),
    "duplicate-other-truth": Kind(plant=plant_copies.duplicate_with_another_truth, codes=("duplicate-image",)),
    "duplicate-across-split": Kind(plant=plant_copies.duplicate_across_split, codes=NEAR),
    "near-duplicate-gamma": Kind(plant=near_duplicate(plant_copies.gamma, "its grey levels changed"), codes=NEAR),
    "near-duplicate-noise": Kind(plant=near_duplicate(plant_copies.noisy, "with noise"), codes=NEAR),
    "near-duplicate-jpeg": Kind(plant=near_duplicate(plant_copies.jpeg, "saved as JPEG"), codes=NEAR),
    "near-duplicate-resize": Kind(plant=near_duplicate(plant_copies.resized, "made smaller and larger"), codes=NEAR),
    "near-duplicate-flip": Kind(plant=near_duplicate(plant_copies.flipped, "mirrored"), codes=NEAR, needs="no-boxes"),
    "near-duplicate-crop": Kind(plant=near_duplicate(plant_copies.cropped, "cropped"), codes=NEAR, needs="no-boxes"),
    "label-moved": Kind(
        plant=plant_labels.of_one_label(plant_labels.shifted, "some voxels off its image"),
        codes=MISPLACED,
        needs="labels",
    ),
    "label-half-slice": Kind(
        plant=plant_labels.of_one_label(plant_labels.half_a_slice, "half a slice off its image"),
        codes=MISPLACED,
        needs="labels-of-volumes",
    ),
    "label-mirrored": Kind(
        plant=plant_labels.of_one_label(plant_labels.mirrored, "mirrored, and its image not"),
        codes=("label-mirrored", *MISPLACED),
        needs="labels",
    ),
    "label-renumbered": Kind(
        plant=plant_labels.of_one_label(plant_labels.renumbered, "structures under each other's numbers"),
        codes=("label-renumbered", "label-mirrored"),
        needs="labels",
    ),
    "label-island": Kind(
        plant=plant_labels.of_one_label(plant_labels.scattered, "a piece far from the rest"),
        codes=("label-island",),
        needs="labels",
    ),
    "label-interpolated": Kind(
        plant=plant_labels.of_one_label(plant_labels.interpolated, "resampled as if it were an image"),
        codes=("label-interpolated", "interpolated-label", "undeclared-label"),
        needs="labels",
    ),
    "label-of-another": Kind(plant=plant_labels.label_of_another, codes=MISPLACED, needs="labels"),
    "label-cut": Kind(plant=plant_labels.cut, codes=("label-cut",), needs="labels"),
    "class-flipped": Kind(
        plant=plant_answers.class_flipped,
        codes=("suspicious-class",),
        needs="classes",
    ),
    "class-of-one": Kind(plant=plant_answers.class_of_one, codes=("rare-class",), needs="classes"),
    "shortcut-mark": Kind(
        plant=plant_answers.by_answer(pixels.with_mark, "a bright mark in a corner"),
        codes=("shortcut", "burned-in-marks-by-class"),
    ),
    "shortcut-frame": Kind(plant=plant_answers.by_answer(pixels.with_frame, "a grey frame"), codes=("shortcut",)),
    "shortcut-size": Kind(
        plant=plant_answers.by_answer(pixels.padded, "larger images"), codes=("shortcut",), needs="no-boxes"
    ),
    "shortcut-offset": Kind(plant=plant_answers.by_answer(pixels.brighter, "brighter images"), codes=("shortcut",)),
    "shortcut-jpeg": Kind(
        plant=plant_answers.by_answer(lambda voxels: pixels.as_jpeg(voxels, quality=35), "traces of JPEG"),
        codes=("shortcut",),
    ),
    "burned-in-by-answer": Kind(
        plant=plant_answers.text_by_answer,
        codes=("burned-in-marks-by-class", "burned-in-text", "shortcut"),
        needs="flat",
    ),
    "burned-in-text": Kind(plant=plant_answers.text_in_some, codes=("burned-in-text",), needs="flat"),
    "site-brighter": Kind(plant=plant_answers.brighter_site, codes=("site-separable", "shortcut")),
    "orientation-outlier": Kind(plant=plant_labels.other_axes, codes=("orientation-outlier",), needs="volumes"),
    "spacing-outlier": Kind(plant=plant_labels.other_spacing, codes=("spacing-outlier",), needs="volumes"),
}


def plant_in(root: Path, fault: str, *, seed: int = 0) -> Planted:
    """Plant one fault, of KINDS or of faults.FAULTS, in the cohort in a folder and say what was done.

    Raises UsageError if there is no fault of that name or this cohort cannot bear it, InputError if the folder is none of
    the phantom's or too small for it.
    """
    if fault in faults.FAULTS:
        cohort = open_cohort(root)
        if not (root / "labelsTr").is_dir():
            raise _cannot(fault, cohort, "an nnU-Net folder: segmentation as nifti")
        return faults.plant(root, fault)
    require_known(fault)
    cohort, kind = open_cohort(root), KINDS[fault]
    missing = _lacks(cohort, kind.needs)
    if missing:
        raise _cannot(fault, cohort, missing)
    rng = generator(seed, int(sha256_bytes(fault.encode())[:7], 16), 11)
    cases, files, found = kind.plant(cohort, rng)
    return Planted(fault=fault, case=cases[-1], file=files[0], found=found, cases=cases, files=files, codes=kind.codes)


def require_known(fault: str) -> None:
    """Raise UsageError, with the names that there are, for a fault of another name."""
    if fault not in KINDS and fault not in faults.FAULTS:
        raise UsageError("no such fault", expected=", ".join((*KINDS, *faults.FAULTS)), found=fault)


def _lacks(cohort: Members, needs: str) -> str:
    """What a cohort lacks to bear a fault, in words; "" if nothing."""
    has_images = all(one.image is not None for one in cohort.members)
    checks = {
        "rows": (True, ""),
        "images": (has_images, "images as nifti, png or single DICOM pictures"),
        "labels": (cohort.task == "segmentation" and has_images, "segmentation, not as a DICOM series"),
        "labels-of-volumes": (
            cohort.task == "segmentation" and has_images and not cohort.is_flat,
            "segmentation of mr or ct as nifti",
        ),
        "classes": (cohort.task == "classification", "classification"),
        "flat": (cohort.is_flat, "xray or us"),
        "volumes": (not cohort.is_flat and has_images, "mr or ct as nifti"),
        "no-boxes": (has_images and cohort.task != "detection", "another task than detection, not as a DICOM series"),
    }
    fits, words = checks[needs]
    return "" if fits else words


def _cannot(fault: str, cohort: Members, expected: str) -> UsageError:
    return UsageError(
        f"this cohort cannot bear the fault {fault}", expected=expected, found=f"{cohort.task} as {cohort.format}"
    )
