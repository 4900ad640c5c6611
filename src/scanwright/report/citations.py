"""The literature that methods of a run can be cited from: BibTeX in checklists/references.bib, by key."""

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from unicodedata import normalize

FILE = "references.bib"
CITED = re.compile(r"@([a-z]+\d{4}[a-z]*)")
ENTRY = re.compile(r"@\w+\{(\w+),\n(.*?)\n\}", re.DOTALL)
FIELD = re.compile(r"^\s*(\w+) = \{(.*)\},?$", re.MULTILINE)
ACCENT = re.compile(r"""\\(["'`c])\s*\{?(\w)\}?""")
MARKS = {'"': "\u0308", "'": "\u0301", "`": "\u0300", "c": "\u0327"}
MOST_AUTHORS = 3


def cited(texts: Iterable[str]) -> list[str]:
    """The keys that texts cite as [@key], each once, in order of first use."""
    return list(dict.fromkeys(key for text in texts for key in CITED.findall(text)))


def bibliography(keys: Iterable[str]) -> str:
    """references.bib of these keys. Raises KeyError for one that there is not."""
    return "\n\n".join(f"{_entries()[key]}" for key in keys) + "\n"


def entry_text(key: str) -> str:
    """An entry for people: authors, title, where, year. Raises KeyError for one that there is not."""
    fields = {name: plain_text(value) for name, value in FIELD.findall(_entries()[key])}
    people = fields["author"].split(" and ")
    named = [one for one in people if one != "others"]
    names = ", ".join(map(_short, named[:MOST_AUTHORS])) + (" et al" if people != named[:MOST_AUTHORS] else "")
    places = ("journal", "booktitle", "howpublished", "publisher")
    where = next((fields[name] for name in places if name in fields), "")
    place = " ".join(part for part in (where, fields.get("year"), fields.get("volume")) if part)
    pages = f":{fields['pages'].replace('--', chr(0x2013))}" if "pages" in fields else ""
    return f"{names}. {fields['title']}. {place}{pages}."


def plain_text(text: str) -> str:
    """BibTeX as text: accents as letters, braces away.

    >>> plain_text(r"{\\c{C}}i{\\c{c}}ek, {\\"O}zg{\\"u}n"), plain_text("{U-Net}")
    ('Çiçek, Özgün', 'U-Net')
    """
    joined = ACCENT.sub(lambda found: normalize("NFC", found.group(2) + MARKS[found.group(1)]), text)
    return re.sub(r"[{}]", "", joined).replace("\\textasciicircum ", "^")


def _short(name: str) -> str:
    """A surname with initials: "Klaus H. Maier-Hein" as it stands in BibTeX, "Maier-Hein, Klaus H."."""
    last, _, first = name.partition(", ")
    return f"{last} {''.join(part[0] for part in re.split('[ -]+', first) if part)}".strip()


def known() -> frozenset[str]:
    """Every key that there is."""
    return frozenset(_entries())


@cache
def _entries() -> dict[str, str]:
    text = (resources.files("scanwright.report") / "checklists" / FILE).read_text(encoding="utf-8")
    return {found.group(1): found.group(0) for found in ENTRY.finditer(text)}
