"""Do our results come back from a PACS as they were? A scan and its answer to Orthanc by STOW-RS, and back by QIDO and WADO.

    python benchmarks/orthanc_roundtrip.py MODEL SERIES_FOLDER [-o RESULT.json]

Needs Debian's packages orthanc and orthanc-dicomweb, started here on 127.0.0.1 alone, in a folder that is removed afterwards.
For the segmentation: every mask voxel by voxel, the grid to 1e-4 mm. For report and capture: the same bytes of content.
"""

import argparse
import json
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
from record import write_result

from scanwright.api.use_model import predict
from scanwright.io.dicom.derived.seg_grid import own_grid, segment_mask
from scanwright.io.dicom.derived.seg_read import read_segmentation
from scanwright.io.dicom.derived.sr import read_measurements
from scanwright.io.dicom.intake import open_instance
from scanwright.io.dicom.series import files_in

PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
BOUNDARY = "scanwright-boundary"
START_S = 30.0


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Orthanc with DICOMweb, on the loopback address alone."""
    settings = {
        "Name": "roundtrip", "StorageDirectory": str(folder / "store"), "IndexDirectory": str(folder / "store"),
        "HttpPort": port, "DicomServerEnabled": False, "RemoteAccessAllowed": False, "AuthenticationEnabled": False,
        "Plugins": [PLUGIN], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip
    file = folder / "orthanc.json"
    file.write_text(json.dumps(settings))
    process = subprocess.Popen(["Orthanc", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ended = time.monotonic() + START_S
    while time.monotonic() < ended:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/system", timeout=1).read()
            return process
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    process.kill()
    raise RuntimeError("Orthanc does not answer")


def stow(port: int, files: list[Path]) -> int:
    """Send files; gives how many were stored."""
    parts = [
        f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + path.read_bytes() + b"\r\n"
        for path in files
    ]
    body = b"".join(parts) + f"--{BOUNDARY}--".encode()
    kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/dicom-web/studies", body, {"Content-Type": kind, "Accept": "application/dicom+json"}
    )
    answer = json.loads(urllib.request.urlopen(request, timeout=60).read())
    return len(answer["00081199"]["Value"])


def instances(port: int, study: str, modality: str) -> list[tuple[str, str]]:
    """Series and instance UIDs of a modality of a study, by QIDO."""
    url = f"http://127.0.0.1:{port}/dicom-web/studies/{study}/instances?Modality={modality}"
    request = urllib.request.Request(url, headers={"Accept": "application/dicom+json"})
    found = json.loads(urllib.request.urlopen(request, timeout=60).read())
    return [(one["0020000E"]["Value"][0], one["00080018"]["Value"][0]) for one in found]


def wado(port: int, study: str, series: str, instance: str, out: Path) -> Path:
    """Fetch one instance by WADO-RS."""
    url = f"http://127.0.0.1:{port}/dicom-web/studies/{study}/series/{series}/instances/{instance}"
    kind = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    answer = urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": kind}), timeout=60)
    mark = answer.headers["Content-Type"].split("boundary=")[1].split(";")[0].strip('"').encode()
    part = answer.read().split(b"--" + mark)[1]
    out.write_bytes(part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n"))
    return out


def compare(sent: Path, back: Path) -> dict[str, object]:
    """What is the same in a segmentation before and after."""
    ours, theirs = read_segmentation(sent), read_segmentation(back)
    grid = own_grid(ours)
    masks = {
        one.label: bool(np.array_equal(segment_mask(ours, one.number, grid), segment_mask(theirs, one.number, grid)))
        for one in ours.segments
    }
    apart = float(np.abs(own_grid(theirs).affine - grid.affine).max())
    return {"identical_masks": masks, "affine_difference_mm": apart}


def main() -> None:
    """Predict, send, fetch, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("series", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (answer,) = predict(asked.model, asked.series, out=folder / "answer")
        results = [answer.file, *(path for path in answer.also if path.suffix == ".dcm")]
        study = str(open_instance(answer.file).dataset.StudyInstanceUID)
        port = free_port()
        process = start(folder, port)
        try:
            stored = stow(port, [*files_in(asked.series), *results])
            ((series, instance),) = instances(port, study, "SEG")
            seg = wado(port, study, series, instance, folder / "seg.dcm")
            ((series, instance),) = instances(port, study, "SR")
            report = wado(port, study, series, instance, folder / "sr.dcm")
            found = compare(answer.file, seg)
            sent = next(path for path in results if path.name.endswith(".sr.dcm"))
            found["identical_measurements"] = read_measurements(sent).groups == read_measurements(report).groups
            found["stored"] = stored
        finally:
            process.terminate()
            process.wait(timeout=30)
    print(json.dumps(found, indent=2))
    if asked.out:
        write_result(asked.out, found)


if __name__ == "__main__":
    main()
