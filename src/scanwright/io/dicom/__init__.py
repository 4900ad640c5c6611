"""DICOM in and out: files behind limits, pixels, series to volumes, and results that a PACS accepts.

pydicom imports every decoder that it finds. GDCM belongs into a limited child process alone (`jpeg`), so it is kept out of
this one while pydicom is loaded.
"""

import sys

if "pydicom" not in sys.modules and "gdcm" not in sys.modules:
    sys.modules["gdcm"] = None  # type: ignore[assignment]  # an import of it fails, which pydicom takes as "not installed"
    try:
        import pydicom.pixels  # noqa: F401
    finally:
        del sys.modules["gdcm"]
