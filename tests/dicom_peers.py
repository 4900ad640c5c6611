"""The second readers of our DICOM results: dcmqi's command line, dicom3tools' conformance check."""

import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

DCIODVFY = shutil.which("dciodvfy")
DCMQI = Path(sys.executable).parent / "segimage2itkimage"
needs_dciodvfy = pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy (Debian package dicom3tools) is absent")
needs_dcmqi = pytest.mark.skipif(not DCMQI.exists(), reason="dcmqi (PyPI) is absent")


def conformance_errors(path: Path) -> list[str]:
    """What dciodvfy calls an error; its warnings are left out."""
    done = subprocess.run([DCIODVFY, str(path)], capture_output=True, text=True, timeout=60)
    lines = (done.stdout + done.stderr).splitlines()
    assert lines, "dciodvfy said nothing, not even the object's kind"
    return [line for line in lines if line.startswith("Error")]


def read_by_dcmqi(path: Path, folder: Path) -> tuple[dict[int, tuple[np.ndarray, np.ndarray]], str]:
    """Each segment's mask and affine (RAS+) as dcmqi converts it, and its text on the segments."""
    folder.mkdir()
    command = [str(DCMQI), "--inputDICOM", str(path), "--outputDirectory", str(folder), "-t", "nifti"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {}
    for file in folder.glob("*.nii.gz"):
        image = nib.load(file)
        found[int(file.name.split(".")[0])] = (np.asarray(image.dataobj) != 0, image.affine)
    return found, (folder / "meta.json").read_text()
