"""Volumes of DICOM series by name: found again among the files that a `DicomVolume` lists, and read."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from scanwright.errors import InputError, UnreadableFile
from scanwright.geometry.volume import Volume
from scanwright.io.dicom.intake import open_instance
from scanwright.io.dicom.read import read_stack
from scanwright.io.dicom.series import Series, find_series
from scanwright.io.dicom.values import SMALLEST
from scanwright.io.dicom.volumes import Stack
from scanwright.io.header import Header
from scanwright.io.source import DicomVolume
from scanwright.runtime import num_threads


def scan_of(stack: Stack, series: Series) -> DicomVolume:
    """The name by which a volume of a series can be read again.

    Files that hold slices of other volumes too name them as before only with all files of their series, and the time from
    which PET decays is found among all of them.
    """
    frames = defaultdict(set)
    for one in stack.slices:
        frames[one.path].add(one.frame)
    whole = all(len(frames[one.path]) == one.encoded.stored.frames for one in stack.slices)
    files = tuple(sorted(frames)) if whole and series.about.get("Modality") != "PT" else series.files
    return DicomVolume(files, stack.name, series.about.get("FrameOfReferenceUID", ""), stack.is_tiled)


def read_scan(scan: DicomVolume) -> Volume:
    """The voxels of a volume, as `read_stack`. Raises what finding and reading it raises."""
    return read_stack(find_stack(scan, then_decoded=len(scan.files) > 1), threads=num_threads())


def read_file(path: Path) -> Volume:
    """A DICOM file that holds one volume or picture; colours are channels.

    Raises InputError if it holds several volumes, or none.
    """
    return read_scan(_only(path))


def read_file_header(path: Path) -> Header:
    """Grid, channels and number type of a DICOM file that holds one volume; errors as `read_file`."""
    return read_scan_header(_only(path))


def read_scan_header(scan: DicomVolume) -> Header:
    """Grid, channels and number type that reading will give, from the headers alone.

    The type of whole numbers that are moved by an intercept or turned around is only known with them: the smallest that may
    hold them.
    """
    stack = find_stack(scan)
    first = stack.slices[0]
    stored = first.encoded.stored
    if not first.grey:
        return Header(stack.grid, 3, np.dtype(np.uint8), stack.notes)
    scales = {one.scale for one in stack.slices}
    if len(scales) == 1 and first.scale.is_plain and stored.dtype.kind in "iu":
        moved = first.scale.intercept or first.turning is not None
        dtype = np.dtype(SMALLEST[0]) if moved else stored.dtype
    else:
        dtype = np.dtype(np.float32)
    return Header(stack.grid, 1, dtype, stack.notes)


def find_stack(scan: DicomVolume, *, then_decoded: bool = False) -> Stack:
    """The stack that a scan names. Raises InputError: not there any more, refused, or files that cannot be read.

    Files that hold this volume and nothing else are it, whatever told it from others of its series.
    """
    found = find_series(scan.files, then_decoded=then_decoded)
    stacks = [stack for series in found.series for stack in series.volumes]
    alone = len(stacks) == 1 and {one.path for one in stacks[0].slices} == set(scan.files)
    named = stacks if alone else [stack for stack in stacks if stack.name == scan.name]
    if len(named) == 1:
        return replace(named[0], name=scan.name)
    for refused in (one for series in found.series for one in series.refused):
        raise refused.error
    for skipped in found.skipped:
        raise UnreadableFile("a file of this series cannot be read", where=skipped.path, found=skipped.reason)
    raise InputError(
        "no such volume in these files",
        where=scan.path,
        expected=scan.name or "one volume",
        found=_names(found.series),
    )


def _only(path: Path) -> DicomVolume:
    """The one volume of a file."""
    open_instance(path)  # raises what find_series would only note
    found = find_series([path])
    for refused in (one for series in found.series for one in series.refused):
        raise refused.error
    for skipped in found.skipped:
        raise InputError("no image in this DICOM file", where=path, found=skipped.reason)
    stacks = [(stack, series) for series in found.series for stack in series.volumes]
    if len(stacks) != 1:
        raise InputError(
            "several volumes in one file",
            where=path,
            expected="one volume",
            found=_names(found.series),
            hint="Give the folder, and say in scanwright.json which volume is meant.",
        )
    return scan_of(*stacks[0])


def _names(series: tuple[Series, ...]) -> str:
    names = [stack.name or "an unnamed one" for one in series for stack in one.volumes]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "") or "none"
