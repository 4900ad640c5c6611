from pathlib import Path

import pytest

from scanwright.dataset.cases import Classes, Quantities
from scanwright.dataset.declare import Declaration
from scanwright.dataset.layouts.cells import is_empty
from scanwright.dataset.layouts.targets import read_answers
from scanwright.errors import InputError

TABLE = Path("/data/labels.csv")


def answers(declared=None, /, **columns):
    cells = {name: text.split("/") for name, text in columns.items()}
    names = [f"c{number}" for number in range(len(next(iter(cells.values()))))]
    return read_answers(cells, names, Declaration(**(declared or {})), where=TABLE)


def told(found):
    return [
        None if target is None else target.names if isinstance(target, Classes) else target.numbers
        for target in found.targets
    ]


def test_text_is_a_class():
    found = answers(diagnosis="malignant/benign/NA/ Benign/benign")
    assert (found.kind, found.choice, found.classes) == ("classification", "one", ("benign", "malignant"))
    assert found.faults == ()
    assert told(found) == [("malignant",), ("benign",), None, ("benign",), ("benign",)]


@pytest.mark.parametrize("sign", ["|", ";", ", ", "; "])
def test_several_classes_in_a_cell(sign):
    found = answers(findings=f"Cardiomegaly{sign}Effusion/Effusion/No Finding/Cardiomegaly{sign}Cardiomegaly/")
    assert (found.kind, found.choice, found.classes) == ("classification", "several", ("Cardiomegaly", "Effusion"))
    assert told(found) == [("Cardiomegaly", "Effusion"), ("Effusion",), (), ("Cardiomegaly",), None]


def test_a_comma_inside_of_one_class():
    assert answers(label="normal, benign/malignant").classes == ("normal, benign", "malignant")
    text = "COVID-19, ARDS/ARDS/ARDS"
    assert answers(finding=text).choice == "several"
    whole = answers({"choice": "one"}, finding=text)
    assert (whole.choice, whole.classes) == ("one", ("ARDS", "COVID-19, ARDS"))


def test_no_finding_is_a_class_where_it_is_declared():
    found = answers({"classes": ["No Finding", "Mass"]}, finding="Mass|No Finding/No Finding")
    assert told(found) == [("Mass", "No Finding"), ("No Finding",)]
    assert answers({"choice": "one"}, finding="none/Mass").classes == ("none", "Mass")


@pytest.mark.parametrize(
    ("column", "text", "choice", "classes"),
    [
        ("class", "0/1/1/0", "one", ("0", "1")),
        ("class", "2.0/1.0/3/1/2/3", "one", ("1", "2", "3")),
        ("KL grade", "2/1/3/1/2/3", "ordered", ("1", "2", "3")),
        ("birads", "5/4/4/5/2/2", "ordered", ("2", "4", "5")),
        ("PI-RADS", "5/4/4/5/2/2", "ordered", ("2", "4", "5")),
        ("severity_score", "0/10/9/10/9/0", "ordered", ("0", "9", "10")),
        ("storage", "2/1/3/1/2/3", "one", ("1", "2", "3")),
        ("grade", "0/1/0/1", "one", ("0", "1")),
    ],
)
def test_whole_numbers_of_few_values_are_classes(column, text, choice, classes):
    found = read_answers({column: text.split("/")}, list("abcdef")[: text.count("/") + 1], Declaration(), where=TABLE)
    assert (found.kind, found.choice, found.classes) == ("classification", choice, classes)


@pytest.mark.parametrize("text", ["63.5/12/7/7", "1/2/3/4/5/6", "1,5/2,5/2,5/1,5/1,5", "-1e3/0.5/0.5/0.5/0.5"])
def test_other_numbers_are_a_quantity(text):
    found = answers(age=text)
    assert (found.kind, found.quantities, found.classes) == ("regression", ("age",), ())
    assert told(found)[0] == (float(text.split("/")[0].replace(",", ".")),)


def test_declared__kind_choice_and_classes_outrank_the_cells():
    assert answers({"kind": "regression"}, grade="0/1/0/1").kind == "regression"
    assert answers({"choice": "ordered"}, x="1/2/3/4/5/6").choice == "ordered"
    assert answers({"kind": "classification"}, x="1/2/3/4/5/6").classes == tuple("123456")
    found = answers({"classes": ["Mild", "Severe"], "choice": "ordered"}, x="severe/mild")
    assert (told(found), found.choice) == ([("Severe",), ("Mild",)], "ordered")
    assert told(answers({"choice": "several"}, x="a/none")) == [("a",), ()]


def test_columns_of_0_and_1():
    found = answers(oedema="1/0/1/", effusion="0/0/1.0/1", mass="yes/No/TRUE/0")
    assert (found.kind, found.choice, found.classes) == ("classification", "several", ("oedema", "effusion", "mass"))
    assert told(found) == [("oedema", "mass"), (), ("oedema", "effusion", "mass"), ("effusion",)]
    assert [target.unknown for target in found.targets] == [(), (), (), ("oedema",)]


def test_columns_of_0_and_1__nothing_known_of_a_case():
    found = answers({"kind": "classification"}, oedema="1//-1", effusion="0//")
    assert told(found) == [("oedema",), None, None]


def test_columns_of_0_and_1__a_cell_that_is_neither():
    found = answers({"kind": "classification"}, oedema="1/0", effusion="2/0")
    assert told(found) == [None, ()]
    assert [(fault.code, fault.severity, fault.case, fault.found) for fault in found.faults] == [
        ("unclear-target", "error", "c0", "'2'")
    ]


@pytest.mark.parametrize("declared", [{}, {"kind": "classification"}])
def test_columns_of_0_and_1__not_sure_is_not_known(declared):
    found = answers(declared, oedema="1/0/-1/-1.0", effusion="0/1/1/-1")
    assert (found.kind, found.choice, found.classes) == ("classification", "several", ("oedema", "effusion"))
    assert [target and target.unknown for target in found.targets] == [(), (), ("oedema",), None]
    assert [found.targets[2].says(name) for name in found.classes] == [None, True]
    assert [(one.code, one.severity, one.cases, one.found) for one in found.faults] == [
        ("uncertain-label", "warning", ("c2", "c3"), "-1 in 2 cases"),
        ("uncertain-label", "warning", ("c3",), "-1 in 1 case"),
    ]
    assert answers({"kind": "regression"}, oedema="1/0/-1", effusion="0/1/1").kind == "regression"


def test_columns_of_0_and_1__beside_a_quantity():
    columns = {"nodule": "1/0/1/0", "size": "3.5/1/2/0.25"}
    with pytest.raises(InputError, match="labels and quantities in one target") as caught:
        answers(**columns)
    assert caught.value.found == "0 and 1 in nodule; other numbers in size"
    assert answers({"kind": "regression"}, **columns).quantities == ("nodule", "size")


def test_columns_of_numbers():
    found = answers(age="63/12.5//n.k.", weight="70//nan/55")
    assert (found.kind, found.quantities) == ("regression", ("age", "weight"))
    assert told(found) == [(63, 70), (12.5, None), None, None]
    assert [(fault.case, fault.expected, fault.found) for fault in found.faults] == [("c3", "a number", "'n.k.'")]
    assert found.targets[0] == Quantities(numbers=(63, 70))


def test_a_number_too_large_to_be_computed_with():
    found = answers({"kind": "regression"}, volume="1/8e300/-2e31/1e30")
    assert told(found) == [(1,), None, None, (1e30,)]
    assert [(fault.case, fault.expected, fault.found) for fault in found.faults] == [
        ("c1", "a number of at most 1e+30 in size", "'8e300'"),
        ("c2", "a number of at most 1e+30 in size", "'-2e31'"),
    ]
    with pytest.raises(InputError, match="no number in the target column") as caught:
        answers({"kind": "regression"}, volume="8e300/9e300")
    assert caught.value.expected == "a number of at most 1e+30 in size"


def test_infinity_is_no_number():
    found = answers({"kind": "regression"}, age="inf/1")
    assert (told(found), len(found.faults)) == ([None, (1,)], 1)


def test_what_cannot_be():
    with pytest.raises(InputError, match="no value in the target column"):
        answers(a="/NaN/null")
    with pytest.raises(InputError, match="no number"):
        answers({"kind": "regression"}, a="x/y")
    with pytest.raises(InputError, match="too many classes"):
        answers({"kind": "classification"}, a="/".join(map(str, range(300))))
    with pytest.raises(InputError, match="classification or regression"):
        answers({"kind": "detection"}, a="x/y")


def test_empty_cells():
    assert [is_empty(cell) for cell in ("", " ", "N/A", "NaN", "0", "none", "unknown")] == [True] * 4 + [False] * 3


def test_a_word_among_numbers__is_named_with_its_case():
    with pytest.raises(
        InputError, match=r"expected a number or nothing in size, as in 4 other rows, found 'big' of c1"
    ):
        answers(size="1.5/big/3.25//4.5/6")
    found = answers({"kind": "regression"}, size="1.5/big/3.25//4.5/6")
    assert [(fault.code, fault.case, fault.found) for fault in found.faults] == [("unclear-target", "c1", "'big'")]
    assert set(answers({"classes": ["1.5", "big"]}, size="1.5/big/1.5").classes) == {
        "1.5",
        "big",
    }  # declared, and so meant
    assert set(answers(grade="1/2/high/2").classes) == {"1", "2", "high"}  # whole numbers may be classes


@pytest.mark.parametrize(
    "text", ["987/1,048/950", "1,048/2,112/3,500", "12.5/1,048/7", "1,5/1,048.5", "987/1,048,576/950"]
)
@pytest.mark.parametrize("kind", [None, "regression"])
def test_commas_that_may_part_thousands__are_refused(text, kind):
    with pytest.raises(InputError, match="a comma that may part thousands or decimals") as caught:
        answers({"kind": kind}, volume=text)
    assert caught.value.found.startswith("'1,048" if "2,112" not in text else "'1,048' of c0, '2,112' of c1")
    assert caught.value.hint.startswith("Write 1048")


@pytest.mark.parametrize("text", ["1,5/2,25/7", "0,350/12,125/1,5", "12,125/1,5/987"])
def test_commas_that_are_decimals__may_stay(text):
    found = answers({"kind": "regression"}, volume=text)
    assert told(found) == [(float(cell.replace(",", ".")),) for cell in text.split("/")]


def test_a_thousand_stays_a_class():
    assert answers(count="1,000/2,000/1,000/2,000").classes == ("1,000", "2,000")
    assert answers(count="1,0/2,00/1.000/2").classes == ("1", "2")


@pytest.mark.parametrize("text", ["12 %/7 %/3.5 %/80 %/9 %", "3.2mm/1.5 MM/0/7.25 mm/2 mm"])
def test_units_beside_numbers__are_refused(text):
    with pytest.raises(InputError, match="units beside the numbers") as caught:
        answers(value=text)
    assert caught.value.found.startswith(f"{text.split('/')[0]!r} of c0, ")
    assert ("value (%)" if "%" in text else "value (mm)") in caught.value.hint
    assert answers(stage="1a/2a/1a/2a/3a/3a").kind == "classification"


@pytest.mark.parametrize(
    ("column", "text", "classes"),
    [
        ("grade", "II/I/IV/III", ("I", "II", "III", "IV")),
        ("severity", "severe/none/Mild/severe", ("none", "Mild", "severe")),
        ("stage", "T2/T1/T1a", ("T1", "T1a", "T2")),
    ],
)
def test_grades_in_words__where_column_and_words_say_so(column, text, classes):
    found = answers(**{column: text})
    assert (found.choice, found.classes, found.faults) == ("ordered", classes, ())
    assert answers(finding=text).choice == "one"


def test_grades_in_words__that_do_not_say_their_order():
    found = answers(grade="warm/cold/hot/cold")
    assert (found.choice, [fault.code for fault in found.faults]) == ("one", ["unordered-grades"])
    assert answers({"choice": "one"}, grade="warm/cold/hot/cold").faults == ()
    with pytest.raises(InputError, match="grades whose order is not known") as caught:
        answers({"choice": "ordered"}, grade="warm/cold/hot/cold")
    assert '{"classes": ["cold", "hot", "warm"]}' in caught.value.hint
    assert answers({"choice": "ordered"}, temperature="low/high/medium").classes == ("low", "medium", "high")
    ordered = {"choice": "ordered", "classes": ["cold", "warm", "hot"]}
    assert answers(ordered, grade="warm/cold/hot/cold").choice == "ordered"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("-999/-999/1.5/2/3/4/5", "-999 in 2 cases; all others are 1.5 to 5"),
        ("-1/0.5/1.5/2/3/4/5", "-1 in 1 case; all others are 0.5 to 5"),
        ("999/31/42/53/64/75", "999 in 1 case; all others are 31 to 75"),
        ("1000/1.5/2/3/4/5", "1000 in 1 case; all others are 1.5 to 5"),
        ("99/31/42/53/64/75", None),
        ("-1/-2.5/1.5/2/3/4/5", None),
        ("30/1.5/2/3/4/5", None),
        ("-999/1.5/2/3/4", None),  # of so few nothing can be said
    ],
)
def test_a_number_far_from_all_others(text, found):
    faults = answers({"kind": "regression"}, size=text).faults
    assert [(fault.code, fault.severity, fault.found) for fault in faults] == (
        [("far-number", "warning", found)] if found else []
    )


@pytest.mark.parametrize(
    ("text", "choice", "names"),
    [
        ("['mass', 'calc']/['mass']/[]/['cyst']", "several", [("mass", "calc"), ("mass",), (), ("cyst",)]),
        ('["mass","calc"]/["mass"]/none/cyst', "several", [("mass", "calc"), ("mass",), (), ("cyst",)]),
        ("['a, left' 'b']/('b',)/{'b'}/", "several", [("a, left", "b"), ("b",), ("b",), None]),
        ("['a']/['b']/['a']", "one", [("a",), ("b",), ("a",)]),
    ],
)
def test_lists_in_brackets(text, choice, names):
    found = answers(labels=text)
    assert (found.choice, told(found), found.faults) == (choice, names, ())


@pytest.mark.parametrize("text", ["[a, b]/[a]/[b]", "[1, 0]/[0, 1]/[1, 1]", "['a', 'b']/a|b/['b']", "['a']/a, b/['b']"])
def test_lists_that_cannot_be_read__are_refused_with_their_cases(text):
    with pytest.raises(InputError, match="a list of classes that cannot be read") as caught:
        answers(labels=text)
    odd = text.split("/")[0 if text[1] != "'" else 1]
    assert repr(odd) in caught.value.found and " of c" in caught.value.found
    assert answers({"classes": ["[a, b]", "[a]", "[b]"]}, labels="[a, b]/[a]/[b]").choice == "one"


def test_a_list_of_several__where_one_class_is_declared():
    found = answers({"choice": "one"}, labels="['a']/['b']/['a','b']/[]")
    assert told(found) == [("a",), ("b",), None, None]
    assert [(fault.code, fault.case) for fault in found.faults] == [("unclear-target", "c2"), ("unclear-target", "c3")]


def test_signs_in_full_width__part_classes_too():
    found = answers(labels="\u80bf\u5757\uff1b\u56ca\u80bf/\u56ca\u80bf/\u80bf\u5757")
    assert told(found) == [("\u80bf\u5757", "\u56ca\u80bf"), ("\u56ca\u80bf",), ("\u80bf\u5757",)]
    assert answers(labels="a\u3001b/a/b").choice == "several"


@pytest.mark.parametrize("kind", [None, "regression"])
def test_units_of_several_kinds__the_rarer_ones_are_named(kind):
    cells = [f"{number} mm" for number in range(3, 20)]
    with pytest.raises(InputError, match="units beside the numbers, and not one unit") as caught:
        answers({"kind": kind}, size_mm="/".join([*cells, "2 cm", "big"]))
    assert caught.value.found == "mm in 17 cells, but '2 cm' of c17"
    with pytest.raises(InputError, match="units beside the numbers"):  # few and whole, and no classes all the same
        answers(size="12 mm/14 mm/12 mm/14 mm")
    with pytest.raises(InputError, match="not one unit"):
        answers(age="063Y/045Y/012M")
    assert answers({"kind": "classification"}, thickness="1 mm/5 mm/1 mm").classes == ("1 mm", "5 mm")
    assert answers(field="1st/2nd/3rd/1st").kind == "classification"


def test_bounds_among_numbers__are_refused():
    with pytest.raises(InputError, match="censored") as caught:
        answers(vol="<5/12/13.5/>100")
    assert caught.value.found == "'<5' of c0, '>100' of c3"
    with pytest.raises(InputError, match="censored"):
        answers(vol="\u2264 5/12/13/14/15/16/17")
    found = answers({"kind": "regression"}, vol="<5/12/13.5")
    assert [(fault.code, fault.case) for fault in found.faults] == [("unclear-target", "c0")]
    assert answers(nodules="0/1/2/>2/0/1").kind == "classification"  # few whole numbers are classes
    assert answers(size="<1.5/>1.5/<1.5").kind == "classification"
    assert answers({"kind": "classification"}, vol="<5/12/13/>100").classes == ("<5", ">100", "12", "13")


@pytest.mark.parametrize(
    "text", ["1 048/2 300/950/1 200", "1'048/2'300/950/1'200", "1\u202f048,5/950,5/12,25/7", "1.048,5/950,5/7"]
)
def test_spaces_and_apostrophes_between_thousands__are_refused(text):
    with pytest.raises(InputError, match="a sign that parts thousands") as caught:
        answers(volume=text)
    assert caught.value.hint.startswith("Write 1048")


@pytest.mark.parametrize(
    "text", ["2020-01-03/2021-05-06/2020-04-03", "03.01.2020/06.05.2021/", "2020-01-03 10:15/2021-5-6"]
)
def test_dates__are_no_classes(text):
    with pytest.raises(InputError, match="dates are no classes"):
        answers(diagnosis=text)


def test_words_among_many_whole_numbers__are_named():
    with pytest.raises(InputError, match="not a number, in a column of numbers") as caught:
        answers(volume="/".join(map(str, range(20))) + "/big")
    assert caught.value.found == "'big' of c20"


def test_signs_among_classes__are_not_known():
    found = answers(diagnosis="benign/malignant/?/-/#VALUE!/#N/A".replace("#N/A", "<NA>"))
    assert told(found) == [("benign",), ("malignant",), None, None, None, None]
    (fault,) = found.faults
    assert (fault.code, fault.severity, fault.cases) == ("unknown-class", "warning", ("c2", "c3", "c4"))
    assert "Taken as not known" in fault.action
    assert set(answers({"classes": ["a", "b", "-"]}, x="a/b/-").classes) == {"a", "b", "-"}


def test_signs_that_may_be_classes__stay():
    found = answers(x="+/-/+/-")
    assert (set(found.classes), found.faults) == ({"+", "-"}, ())
    found = answers(x="pos/-/pos/-")
    assert (set(found.classes), [fault.code for fault in found.faults]) == ({"pos", "-"}, ["unknown-class"])


def test_words_for_not_known__are_classes_with_a_warning():
    found = answers(diagnosis="benign/malignant/Unknown/benign")
    assert set(found.classes) == {"benign", "malignant", "Unknown"}
    assert [(fault.code, fault.severity, fault.cases) for fault in found.faults] == [
        ("unknown-class", "warning", ("c2",))
    ]
    assert answers({"classes": ["benign", "malignant", "Unknown"]}, x="benign/malignant/Unknown").faults == ()


def test_probabilities__are_refused_whatever_the_column_is_called():
    for columns in (
        {"malignant": "0.1/0.5/0.93"},
        {"benign": "0.1/0.3/0.5", "malignant": "0.9/0.7/0.5"},
        {"label": "0/0.5/1"},
    ):
        with pytest.raises(InputError, match="no classes") as caught:
            answers(**columns)
        assert "probabilities" in caught.value.hint and '"kind": "regression"' in caught.value.hint
        assert answers({"kind": "regression"}, **columns).kind == "regression"
    for name in ("ejection_fraction", "ADC mean", "value", "size (mm)", "Dice score"):
        assert read_answers({name: ["0.1", "0.5"]}, ["a", "b"], Declaration(), where=TABLE).kind == "regression"
    assert answers({"units": {"uptake": "g/ml"}}, uptake="0.1/0.5").kind == "regression"
    assert answers(size="0.1/0.5", uptake="0.1/0.5").kind == "regression"


def test_columns_of_which_each_row_has_one():
    columns = {"malignant": "1/0/0/1", "benign": "0/1/0/0", "normal": "0/0/1/0"}
    found = answers(**columns)
    assert (found.choice, [fault.code for fault in found.faults]) == ("several", ["exclusive-labels"])
    assert answers({"choice": "several"}, **columns).faults == ()
    one = answers({"choice": "one"}, **columns)
    assert (one.choice, told(one), one.faults) == (
        "one",
        [("malignant",), ("benign",), ("normal",), ("malignant",)],
        (),
    )
    assert answers({"choice": "one"}, malignant="1/0", benign="0/1").classes == ("benign", "malignant")


def test_columns_of_which_one_is_declared__rows_of_none_and_of_two():
    found = answers({"choice": "one"}, malignant="1/1/0/", benign="0/1/0/1")
    assert told(found) == [("malignant",), None, None, ("benign",)]
    assert [(one.code, one.case, one.found) for one in found.faults] == [
        ("unclear-target", "c1", "'malignant and benign'"),
        ("unclear-target", "c2", "'none'"),
    ]


def test_columns_of_words__are_no_numbers():
    with pytest.raises(InputError, match="several target columns, and words in one of them") as caught:
        answers(side="left/right", density="3/4")
    assert caught.value.found == "'left' in side"


def test_quotation_marks_and_stored_accents_make_no_class():
    assert len(answers(x="b\u00f6sartig/bo\u0308sartig/gutartig").classes) == 2
    assert answers(x="'benign'/benign/\"malignant\"/malignant").classes == ("benign", "malignant")


def test_grades_of_which_some_have_letters__are_no_mixture():
    found = answers(birads="1/2/3/4A/4B/5")
    assert (found.choice, found.classes, found.faults) == ("ordered", ("1", "2", "3", "4A", "4B", "5"), ())


@pytest.mark.parametrize(
    ("column", "cells", "declared", "told"),
    [
        ("birads", ["0", "1", "2", "3", "0"], {}, ("c0", "c4")),
        ("BI-RADS", ["BI-RADS 0", "BI-RADS 1", "BI-RADS 4A", "BI-RADS 4B", "BI-RADS 1"], {}, ("c0",)),
        ("lung_rads", ["1", "2", "3", "0", "1"], {}, ("c3",)),
        ("birads", ["0", "1", "2", "3", "0"], {"choice": "ordered", "classes": list("0123")}, None),
        ("birads", ["1", "2", "3", "1", "5"], {}, None),
        ("kl_grade", ["0", "1", "2", "3", "0"], {}, None),
        ("pi_rads", ["0", "1", "2", "3", "0"], {}, None),
    ],
)
def test_birads_0__is_no_lowest_grade(column, cells, declared, told):
    names = [f"c{place}" for place in range(5)]
    found = read_answers({column: cells * 2}, names * 2, Declaration(**declared), where=Path("t.csv"))
    assert found.choice == "ordered"
    assert [set(one.cases) for one in found.faults] == ([] if told is None else [set(told)])
    for one in found.faults:
        assert (one.code, one.severity) == ("unordered-grades", "warning")
        assert one.action and "--exclude" in one.action and '"classes" from least to most' in one.action
