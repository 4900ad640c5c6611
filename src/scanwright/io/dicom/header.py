"""A header read only where it is asked for.

The walk has found every element already, so a plain number or text is decoded from its bytes alone. pydicom is asked, and
parses the whole header then, for what takes more: sequences, and text that is not ASCII. Of a CT slice with 150 elements
some 40 are asked for, none of them a sequence: that takes a quarter of the time (0.6 against 2.4 ms a file, both measured
on a busy machine).
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any

from pydicom.dataset import Dataset

from scanwright.io.dicom.walk import Element, Encoding

NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
TEXTS = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UI"))
PIXEL_REPRESENTATION = 0x00280103
US_OR_SS = "US or SS"


class Header:
    """The elements of a data set's top level, but its pixels.

    data: the file's beginning. index: where each element lies in it. parse: gives the whole header by pydicom.
    """

    def __init__(
        self, data: bytes, index: Mapping[int, Element], encoding: Encoding, parse: Callable[[], Dataset]
    ) -> None:
        self._data = data
        self._index = index
        self._order = "<" if encoding.little else ">"
        self._parse = parse

    def __contains__(self, tag: int) -> bool:
        return tag in self._index

    def value(self, tag: int) -> Any:
        """An element's value: a number, a text, a list of either, or what pydicom makes of it; None if it is empty.

        Raises KeyError if it is absent, and whatever decoding raises.
        """
        element = self._index[tag]
        if not element.length:
            return None
        raw = self._data[element.value : element.value + element.length]
        code = NUMBERS.get(self._vr(element.vr))
        if code is not None:
            found: list[Any] = list(struct.unpack(f"{self._order}{len(raw) // struct.calcsize(code)}{code}", raw))
        elif element.vr in TEXTS and raw.isascii():
            found = [one.strip(" \0") for one in raw.decode("ascii").split("\\")]
        else:
            return self._parse()[tag].value
        return found[0] if len(found) == 1 else found

    def _vr(self, vr: str) -> str:
        """Of numbers that may have a sign or not, the header's own word decides."""
        if vr != US_OR_SS:
            return vr
        return "SS" if PIXEL_REPRESENTATION in self._index and self.value(PIXEL_REPRESENTATION) == 1 else "US"
