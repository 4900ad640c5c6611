"""A labelled data set of volumes as a folder of DICOM: a series and a SEG for each case, by our own writers.

    python benchmarks/as_dicom.py ../shared/data/hippocampus_mri -o FOLDER [--cases N] [--compare]

--compare: read both and say whether they have the same fingerprint: shapes, spacings, intensities and region volumes. What may
differ is named: axis order (a series has its own), and the number type of images that were not whole.
"""

import argparse
import json
from pathlib import Path
from typing import Literal

import numpy as np

from scanwright.dataset.checks import check
from scanwright.dataset.fingerprint import fingerprint
from scanwright.dataset.images import read_case_image
from scanwright.dataset.read import read_dataset
from scanwright.io.dicom.derived.provenance import Model
from scanwright.io.dicom.derived.seg_write import write_segmentation
from scanwright.io.dicom.derived.series_write import write_series
from scanwright.io.formats import read_label
from scanwright.runtime import num_threads

DRAWN_BY = Model("reference labels", "1")


def convert(data: Path, out: Path, *, cases: int | None) -> int:
    """Write every labelled case; gives how many."""
    dataset = read_dataset(data)
    chosen = dataset.train[:cases]
    modality: Literal["CT", "MR"] = "CT" if dataset.task.channels[0].modality == "ct" else "MR"
    for case in chosen:
        assert case.label is not None
        image, label = read_case_image(case, dataset.task), read_label(case.label)
        headers = write_series(
            out / case.id / "image", image, modality=modality, patient=case.patient, description=dataset.task.name
        )
        masks = {region.name: np.isin(label.voxels[0], region.values) for region in dataset.task.regions}
        write_segmentation(out / case.id / "seg.dcm", masks, grid=image.grid, sources=headers, model=DRAWN_BY)
    return len(chosen)


def prints(data: Path, *, cases: int | None) -> dict[str, object]:
    """The fingerprint of the first labelled cases, as JSON."""
    dataset = read_dataset(data)
    kept = dataset.without([case.id for case in dataset.cases if case not in dataset.train[:cases]])
    checks = check(kept, jobs=num_threads())
    assert not checks.errors, [fault.line() for fault in checks.errors]
    printed: dict[str, object] = json.loads(fingerprint(checks.facts, kept.task).model_dump_json())
    return printed


def main() -> None:
    """Convert, and compare if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=None)
    parser.add_argument("--compare", action="store_true")
    asked = parser.parse_args()
    print(f"{convert(asked.data, asked.out, cases=asked.cases)} cases written to {asked.out}")
    if asked.compare:
        ours, theirs = prints(asked.out, cases=asked.cases), prints(asked.data, cases=asked.cases)
        for name in ours:
            if ours[name] != theirs[name]:
                print(f"{name}: from DICOM {ours[name]}\n  from the data set {theirs[name]}")
        print("the rest of the fingerprint is equal")


if __name__ == "__main__":
    main()
