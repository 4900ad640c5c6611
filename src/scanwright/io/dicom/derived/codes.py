"""Coded concepts as data: what a region's plain English name is in SNOMED CT, for DICOM SEG and SR.

    codes_of("left kidney tumour")   category Morphologically Abnormal Structure, type Neoplasm, site Kidney, Left
    codes_of("Anterior", within="Hippocampus")            type Hippocampus, modifier Anterior
    codes_of("area 51")              category Tissue, type 99SCANWRIGHT "area 51": a name is never given a wrong code

A name is understood as a whole or not at all: every word of it must be a structure, a lesion, a side or a position.
Source: DICOM PS3.16 CIDs 2, 244, 7150 to 7159 and 7166; every code is compared with pydicom's copy of them in the tests.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from scanwright.files import sha256_bytes
from scanwright.io.dicom.derived.code_tables import (
    LESIONS,
    PAIRED,
    PLURALS,
    SINGLE,
    SPELLINGS,
    SUBSTANCES,
    SYNONYMS,
    TISSUES,
    UNCOUNTED,
    VERTEBRAE,
)

SNOMED, PRIVATE = "SCT", "99SCANWRIGHT"
MAX_MEANING = 64  # characters of a code meaning, and of a segment label (VR LO)


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept: code value, coding scheme designator ("SCT", "DCM", "UCUM" …), meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class RegionCodes:
    """What a region is. category: CID 7150. type: the structure, or the lesion. modifiers: side and position of the type.

    site: where a lesion lies; None where nothing says so, and for structures. site_modifiers: its side and position.
    """

    category: Code
    type: Code
    modifiers: tuple[Code, ...] = ()
    site: Code | None = None
    site_modifiers: tuple[Code, ...] = ()


STRUCTURE = Code("91723000", SNOMED, "Anatomical Structure")
TISSUE = Code("85756007", SNOMED, "Tissue")
SUBSTANCE = Code("91720002", SNOMED, "Body Substance")
ABNORMAL = Code("49755003", SNOMED, "Morphologically Abnormal Structure")
LEFT, RIGHT = Code("7771000", SNOMED, "Left"), Code("24028007", SNOMED, "Right")
BILATERAL = Code("51440002", SNOMED, "Bilateral")
SIDES = MappingProxyType({"left": LEFT, "right": RIGHT, "both": BILATERAL, "bilateral": BILATERAL})
POSITIONS = MappingProxyType(
    {
        "anterior": Code("255549009", SNOMED, "Anterior"),
        "posterior": Code("255551008", SNOMED, "Posterior"),
        "superior": Code("264217000", SNOMED, "Superior"),
        "inferior": Code("261089000", SNOMED, "Inferior"),
        "medial": Code("255561001", SNOMED, "Medial"),
        "lateral": Code("49370004", SNOMED, "Lateral"),
        "proximal": Code("40415009", SNOMED, "Proximal"),
        "distal": Code("46053002", SNOMED, "Distal"),
    }
)
JOINTS = frozenset(("of", "the", "in"))


def codes_of(name: str, *, within: str = "") -> RegionCodes:
    """The codes of a region by its name: "left kidney", "Lung_Left", "tumour of the liver", "Anterior hippocampus".

    within: the structure that the whole study is about, where the name alone leaves that open ("Anterior", "tumour").
    A name that is not understood gets a private code that carries it, of category Tissue, or of Morphologically Abnormal
    Structure where one of its words is a lesion. Never raises.
    """
    words, around = _words(name), _structure(_words(within))
    if found := _structure(words):
        return found
    if found := _lesion(words):
        if found.site is None and around is not None:
            return RegionCodes(found.category, found.type, (), around.type, around.modifiers + found.modifiers)
        return found
    if words and around and set(words) <= SIDES.keys() | POSITIONS.keys():
        return _structure((*words, *_words(within))) or _unknown(name, words)
    return _unknown(name, words)


def finding_codes(kind: str, region: str, *, within: str = "") -> RegionCodes:
    """The codes of a finding of some kind that lies in a region: site and side are the region's, by a code or by its name.

    region: "" where it lies in none; the site is then what the kind's own name says. Whatever is found is abnormal, also
    where its name has no code. within: as for `codes_of`.
    """
    own = codes_of(kind, within=within)
    category = own.category if own.category == SUBSTANCE else ABNORMAL
    if not region:
        return replace(own, category=category)
    around = codes_of(region, within=within)
    return RegionCodes(category, own.type, own.modifiers, around.type, around.modifiers)


def private_code(name: str) -> Code:
    """A code of our own for a name without one: the same name (whatever its case and signs) has the same code."""
    key = " ".join(_words(name)) or name
    return Code(f"R{sha256_bytes(key.encode())[:12].upper()}", PRIVATE, label_of(name))


def label_of(name: str) -> str:
    """A name as DICOM may hold it: at most 64 characters, without backslashes and control characters, never empty."""
    kept = "".join(" " if sign == "\\" or not sign.isprintable() else sign for sign in name)
    return " ".join(kept.split())[:MAX_MEANING].strip() or "unnamed"


def _unknown(name: str, words: tuple[str, ...]) -> RegionCodes:
    lesion = any(_meaning((word,), LESIONS)[0] for word in words)
    return RegionCodes(ABNORMAL if lesion else TISSUE, private_code(name))


def _words(name: str) -> tuple[str, ...]:
    """Lower-case words in American spelling, without the small ones that join them."""
    words = (SPELLINGS.get(word, word) for word in re.split(r"[\W_]+", name.lower()) if word)
    return tuple(word for word in words if word not in JOINTS)


def _structure(words: tuple[str, ...]) -> RegionCodes | None:
    """The words as one structure with its side and position; None if a word is left over."""
    for loose in (frozenset[str](), frozenset(SIDES), frozenset((*SIDES, *POSITIONS))):
        rest = tuple(word for word in words if word not in loose)
        found = _plain_structure(rest)
        if found is None:
            continue
        category, concept, several = found
        sides = [SIDES[word] for word in words if word in loose and word in SIDES]
        positions = [POSITIONS[word] for word in words if word in loose and word in POSITIONS]
        paired = concept.meaning in PAIRED
        if len(sides) > 1 or (sides and not paired):
            return None
        if several and paired and not sides and concept.meaning not in UNCOUNTED:
            sides = [BILATERAL]
        return RegionCodes(category, concept, (*sides, *positions))
    return None


def _lesion(words: tuple[str, ...]) -> RegionCodes | None:
    """The words as a lesion and where it lies; the longest name of a lesion wins."""
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            meaning, _ = _meaning(words[start : start + length], LESIONS)
            if not meaning:
                continue
            lesion, rest = Code(LESIONS[meaning], SNOMED, meaning), words[:start] + words[start + length :]
            if set(rest) <= SIDES.keys() | POSITIONS.keys():
                return RegionCodes(ABNORMAL, lesion, tuple({**SIDES, **POSITIONS}[word] for word in rest))
            site = _structure(rest)
            return site and RegionCodes(ABNORMAL, lesion, (), site.type, site.modifiers)
    return None


def _plain_structure(words: tuple[str, ...]) -> tuple[Code, Code, bool] | None:
    """Category and type of a structure's whole name, and whether it stands in the plural."""
    for category, table in _STRUCTURES:
        meaning, several = _meaning(words, table)
        if meaning:
            return category, Code(table[meaning], SNOMED, meaning), several
    return None


def _meaning(words: tuple[str, ...], table: Mapping[str, str]) -> tuple[str, bool]:
    """The code meaning in `table` that the words name, and whether in the plural; ("", False) if they name none.

    The first word may stand last ("vertebra L1", "atrium left").
    """
    turned = words[1:] + words[:1]
    for form, several in ((words, False), (turned, False), (_singular(words), True), (_singular(turned), True)):
        phrase = " ".join(form)
        meaning = _PHRASES.get(phrase, "")
        if meaning in table:
            return meaning, several
    return "", False


def _singular(words: tuple[str, ...]) -> tuple[str, ...]:
    """The last word in the singular."""
    return (*words[:-1], *(PLURALS.get(word, word.removesuffix("s")) for word in words[-1:]))


_STRUCTURES = (
    (STRUCTURE, SINGLE),
    (STRUCTURE, PAIRED),
    (STRUCTURE, VERTEBRAE),
    (TISSUE, TISSUES),
    (SUBSTANCE, SUBSTANCES),
)
_PHRASES = {
    " ".join(_words(meaning)): meaning
    for table in (SINGLE, PAIRED, VERTEBRAE, TISSUES, SUBSTANCES, LESIONS)
    for meaning in table
} | {" ".join(_words(phrase)): meaning for phrase, meaning in SYNONYMS.items()}
