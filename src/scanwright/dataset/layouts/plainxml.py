"""XML as annotation tools write it: elements and texts, and nothing that reaches out of the file.

A document type is refused, and with it every entity: no "billion laughs", no external file (CWE-776, CWE-611).
"""

from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from scanwright.errors import UnreadableFile

MAX_BYTES = 4 << 20  # an annotation of 10,000 objects has some 3 MiB


def read_xml(path: Path) -> Element:
    """The root element. Raises UnreadableFile if the file is over 4 MiB, is not XML, or has a document type."""
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise UnreadableFile("cannot read this file", where=path, found=error.strerror) from error
    if data is None:
        raise UnreadableFile("the XML file is too large", where=path, expected=f"at most {MAX_BYTES >> 20} MiB")
    builder = TreeBuilder()
    parser = expat.ParserCreate()

    def refuse(name: str, *_: object) -> NoReturn:
        raise UnreadableFile("XML with a document type", where=path, expected="none", found=f"<!DOCTYPE {name[:40]}")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two: an encoding that is none
        raise UnreadableFile("not XML", where=path, found=str(error)) from error
    return builder.close()
