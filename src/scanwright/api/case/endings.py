"""What the names of the files end in that are written beside an answer."""

SEG, RTSTRUCT, FINDINGS = ".seg.dcm", ".rtstruct.dcm", ".findings.dcm"
SR, PICTURE, CAPTURE = ".sr.dcm", ".overlay.png", ".overlay.dcm"
EXPLAINED, DRAWN = ".explanation.dcm", ".found.dcm"
BESIDE = (SR, FINDINGS, PICTURE, CAPTURE, EXPLAINED, DRAWN)
"""What the names of files end in that may be written beside an answer."""
