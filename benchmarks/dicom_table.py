"""Every file of a folder of DICOM: in which volume it is, or why not; and how long reading took.

    python benchmarks/dicom_table.py ../shared/data/dicom [-o RESULT.json]

One row for each volume, each refused stack and each reason for which files were left out. The folders directly below the one
given are looked at one after the other.
"""

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

from record import write_result

from scanwright.errors import ScanwrightError
from scanwright.io.dicom.read import read_stack
from scanwright.io.dicom.series import files_in, find_series
from scanwright.io.dicom.volumes import Stack

OTHERS = (".nii", ".gz", ".json", ".md", ".zip", ".jpeg")


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """What became of the files of one folder."""
    began = time.perf_counter()
    found = find_series(path for path in files_in(folder) if path.suffix not in OTHERS)
    rows: list[dict[str, Any]] = [{"what": "headers", "seconds": round(time.perf_counter() - began, 3)}]
    for series in found.series:
        about = " ".join(filter(None, (series.about.get("Modality"), series.about.get("SeriesDescription"))))
        rows += [{"what": about, **read(stack)} for stack in series.volumes]
        for one in series.refused:
            rows.append(
                {"what": about, "name": one.name, "outcome": f"refused: {one.error.message}", "slices": one.slices}
            )
        rows += [{"what": about, "outcome": note} for note in series.notes]
    reasons = Counter(one.reason for one in found.skipped)
    rows += [{"what": f"{count} files", "outcome": f"left out: {reason}"} for reason, count in reasons.items()]
    return rows


def read(stack: Stack) -> dict[str, Any]:
    """The outcome of reading a volume."""
    began = time.perf_counter()
    try:
        outcome = repr(read_stack(stack))
    except ScanwrightError as error:
        outcome = f"refused: {error.message}, found {error.found}"
    file = stack.slices[0].path.name if len(stack.slices) == 1 else f"{len(stack.slices)} slices"
    return {"name": stack.name, "file": file, "outcome": outcome, "seconds": round(time.perf_counter() - began, 3)}


def main() -> None:
    """Look, print, and keep if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    asked = parser.parse_args()
    table = {folder.name: rows_of(folder) for folder in sorted(asked.root.iterdir()) if folder.is_dir()}
    for name, rows in table.items():
        print(name)
        for row in rows:
            print("   ", " | ".join(str(value) for value in row.values() if value != ""))
    if asked.out:
        write_result(asked.out, table)


if __name__ == "__main__":
    main()
