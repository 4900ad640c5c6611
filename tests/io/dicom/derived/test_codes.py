"""Names of regions to coded concepts: every code is one that pydicom's copy of the standard has, with that meaning."""

import pytest
from pydicom.sr._concepts_dict import concepts

from scanwright.io.dicom.derived import code_tables as named
from scanwright.io.dicom.derived import codes as table
from scanwright.io.dicom.derived import sr_concepts
from scanwright.io.dicom.derived.codes import PRIVATE, Code, codes_of, finding_codes, label_of, private_code

STANDARD: dict[tuple[str, str], set[str]] = {}
for scheme, listed in concepts.items():
    for values in listed.values():
        for value, (meaning, _) in values.items():
            STANDARD.setdefault((scheme, value), set()).add(meaning)

TABLES = (named.SINGLE, named.PAIRED, named.VERTEBRAE, named.TISSUES, named.SUBSTANCES, named.LESIONS)
LONE = [
    *(table.STRUCTURE, table.TISSUE, table.SUBSTANCE, table.ABNORMAL),
    *table.SIDES.values(),
    *table.POSITIONS.values(),
]


def test_every_code_is_the_standards() -> None:
    wrong = [
        (meaning, value) for one in TABLES for meaning, value in one.items() if meaning not in STANDARD[("SCT", value)]
    ]
    assert wrong == []
    assert all(code.meaning in STANDARD[(code.scheme, code.value)] for code in LONE)


def test_every_concept_of_a_report_is_the_standards_or_our_own() -> None:
    listed = [one for one in vars(sr_concepts).values() if isinstance(one, Code)] + [*sr_concepts.CHANGES.values()]
    assert len(listed) > 20
    assert all(code.scheme == PRIVATE or code.meaning in STANDARD[(code.scheme, code.value)] for code in listed)


@pytest.mark.parametrize(
    ("kind", "region", "category", "type", "site", "sides"),
    [
        ("nodule", "right lung", "Morphologically Abnormal Structure", "Nodule", "Lung", ("Right",)),
        ("shadow", "zone 3", "Morphologically Abnormal Structure", "shadow", "zone 3", ()),
        ("liver tumour", "", "Morphologically Abnormal Structure", "Neoplasm", "Liver", ()),
        ("nodule", "", "Morphologically Abnormal Structure", "Nodule", None, ()),
        ("blood", "left kidney", "Body Substance", "Blood", "Kidney", ("Left",)),
        ("left kidney", "", "Morphologically Abnormal Structure", "Kidney", None, ()),
    ],
)
def test_finding_codes__the_site_is_the_region(kind, region, category, type, site, sides) -> None:
    found = finding_codes(kind, region)
    assert (found.category.meaning, found.type.meaning) == (category, type)
    assert (found.site and found.site.meaning, tuple(one.meaning for one in found.site_modifiers)) == (site, sides)


def test_no_code_and_no_name_twice() -> None:
    pairs = [pair for one in TABLES for pair in one.items()]
    assert len({value for _, value in pairs}) == len(pairs) == len({meaning.lower() for meaning, _ in pairs})


def test_every_synonym_leads_to_a_code() -> None:
    known = {meaning for one in TABLES for meaning in one}
    assert set(named.SYNONYMS.values()) <= known


@pytest.mark.parametrize("one", TABLES)
def test_every_meaning_is_found_by_its_own_name(one) -> None:
    for meaning, value in one.items():
        found = codes_of(meaning)
        assert found.type == Code(value, "SCT", meaning), meaning


@pytest.mark.parametrize(
    ("name", "meaning", "modifiers"),
    [
        ("Liver", "Liver", ()),
        ("LIVER", "Liver", ()),
        ("gall_bladder", "Gallbladder", ()),
        ("urinary bladder", "Bladder", ()),
        ("left kidney", "Kidney", ("Left",)),
        ("kidney_right", "Kidney", ("Right",)),
        ("kidneys", "Kidney", ("Bilateral",)),
        ("lungs", "Lung", ("Bilateral",)),
        ("lung_lower_lobe_left", "Lower lobe of lung", ("Left",)),
        ("testis", "Testis", ()),
        ("testes", "Testis", ("Bilateral",)),
        ("ribs", "Rib", ()),
        ("vertebrae_L1", "L1 vertebra", ()),
        ("vertebrae", "Vertebra", ()),
        ("left ventricle", "Left ventricle", ()),
        ("left lateral ventricle", "Lateral Ventricle", ("Left",)),
        ("heart", "Heart", ()),
        ("anterior hippocampus", "Hippocampus", ("Anterior",)),
        ("Hippocampus posterior, left", "Hippocampus", ("Left", "Posterior")),
        ("oesophagus", "Esophagus", ()),
        ("grey matter", "Gray Matter", ()),
        ("bones", "Bone", ()),
    ],
)
def test_structures(name, meaning, modifiers) -> None:
    found = codes_of(name)
    assert (found.type.scheme, found.type.meaning, found.site) == ("SCT", meaning, None)
    assert tuple(code.meaning for code in found.modifiers) == modifiers


@pytest.mark.parametrize(
    ("name", "meaning", "site", "modifiers"),
    [
        ("tumour", "Neoplasm", None, ()),
        ("Tumour of the liver", "Neoplasm", "Liver", ()),
        ("left kidney tumor", "Neoplasm", "Kidney", ("Left",)),
        ("lung nodules", "Nodule", "Lung", ()),
        ("oedema", "Edema", None, ()),
        ("kidney cyst", "Cyst", "Kidney", ()),
        ("primary tumour", "Neoplasm, Primary", None, ()),
        ("lymph node metastases", "Neoplasm, Secondary", "Lymph Node", ()),
        ("necrosis", "Necrosis", None, ()),
        ("brain lesion", "Lesion", "Brain", ()),
    ],
)
def test_lesions(name, meaning, site, modifiers) -> None:
    found = codes_of(name)
    assert found.category == table.ABNORMAL
    assert (found.type.meaning, found.site and found.site.meaning) == (meaning, site)
    assert tuple(code.meaning for code in found.site_modifiers) == modifiers


@pytest.mark.parametrize(
    "name",
    [
        "area 51",
        "liver and spleen",
        "left liver",
        "Anterior",
        "left",
        "left right kidney",
        "foie",
        "患者",
        "",
        "L1",
        "heartwood",
    ],
)
def test_what_is_not_understood_gets_no_foreign_code(name) -> None:
    found = codes_of(name)
    assert (found.category, found.type.scheme, found.modifiers, found.site) == (table.TISSUE, PRIVATE, (), None)


def test_unknown_lesion_is_abnormal() -> None:
    found = codes_of("enhancing tumour")
    assert (found.category, found.type.scheme) == (table.ABNORMAL, PRIVATE)


def test_within_a_structure() -> None:
    front = codes_of("Anterior", within="Hippocampus")
    assert (front.type.meaning, front.modifiers) == ("Hippocampus", (table.POSITIONS["anterior"],))
    lesion = codes_of("tumour", within="Liver")
    assert (lesion.type.meaning, lesion.site and lesion.site.meaning) == ("Neoplasm", "Liver")
    assert codes_of("spleen", within="Liver").type.meaning == "Spleen"
    assert codes_of("lung", within="Lesion").type.meaning == "Lung"
    assert codes_of("Anterior", within="no such place").type.scheme == PRIVATE


def test_private_codes_fit_their_representation() -> None:
    for name in ("a", "x" * 500, "back\\slash\n and tab\t", "患者"):
        code = private_code(name)
        assert len(code.value) <= 16 and len(code.scheme) <= 16 and 0 < len(code.meaning) <= 64
        assert "\\" not in code.meaning and code.meaning.isprintable()
    assert private_code("Area_51").value == private_code("area 51").value != private_code("area 52").value
    assert label_of("") == "unnamed"
