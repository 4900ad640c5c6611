from collections import Counter

import pytest

from made_folders import made_case, made_facts, write_json, write_text
from scanwright.dataset.split import Splits, make_splits, owners_of, read_splits
from scanwright.errors import InputError, PolicyError, UsageError


def cohort(patients=20, scans=1, **extra):
    return [
        made_case(f"p{number:02d}_{scan}", patient=f"p{number:02d}", **extra)
        for number in range(patients)
        for scan in range(scans)
    ]


def assert_sound(splits, cases):
    """Every case validates once, no patient is on two sides, train and validation are all of the rest."""
    patient = {case.id: case.patient for case in cases}
    validated = [name for fold in splits.folds for name in fold.validation]
    assert sorted(validated) == sorted(case.id for case in cases)
    for fold in splits.folds:
        assert sorted((*fold.train, *fold.validation)) == sorted(patient)
        assert not {patient[name] for name in fold.train} & {patient[name] for name in fold.validation}
        assert list(fold.train) == sorted(fold.train)


def test_five_equal_folds_by_patient():
    cases = cohort(20, scans=2)
    splits = make_splits(cases)
    assert_sound(splits, cases)
    assert [len(fold.validation) for fold in splits.folds] == [8] * 5
    assert splits.source == "made with seed 0"
    assert splits.stated == "5 folds of 8 validation cases, by patient"
    assert Splits.model_validate_json(splits.model_dump_json()) == splits


def test_the_same_seed_gives_the_same_folds_in_any_order_of_cases():
    cases = cohort(17)
    assert make_splits(cases, seed=3) == make_splits(cases[::-1], seed=3)
    assert make_splits(cases, seed=3).folds != make_splits(cases, seed=4).folds


def test_patients_with_many_scans_are_balanced():
    cases = cohort(8) + [made_case(f"big_{n}", patient="big") for n in range(4)]
    splits = make_splits(cases, folds=3)
    assert_sound(splits, cases)
    assert [len(fold.validation) for fold in splits.folds] == [4, 4, 4]


def test_fewer_patients_than_folds():
    cases = cohort(3, scans=2)
    splits = make_splits(cases, folds=5)
    assert_sound(splits, cases)
    assert len(splits.folds) == 3
    assert "3 and not 5: there are only 3 patients" in splits.stated


@pytest.mark.parametrize("patients", [0, 1])
def test_too_few_patients(patients):
    with pytest.raises(InputError, match="too few patients"):
        make_splits(cohort(patients, scans=3))


def test_fewer_than_two_folds():
    with pytest.raises(UsageError, match="at least two folds"):
        make_splits(cohort(), folds=1)


def test_unlabelled_cases_take_no_part():
    cases = [*cohort(6), made_case("bare", label=None)]
    assert_sound(make_splits(cases, folds=3), cases[:-1])


def test_declared_test_cases_and_their_patients_are_in_no_fold():
    cases = [*cohort(6), made_case("t", split="test"), made_case("u", patient="p00", split="test")]
    splits = make_splits(cases, folds=5)
    assert splits.test == ("t", "u")
    assert_sound(splits, [case for case in cases[:6] if case.patient != "p00"])
    assert "1 cases left out because their patient is in the test split" in splits.stated


def test_strata__regions_and_volume():
    """10 of 40 patients have a tumour and volumes differ by patient: each fold of 5 gets 2 of the 10, and 8 in all."""
    cases = cohort(40)
    facts = {
        case.id: made_facts(case.id, region_voxels={"liver": 10 * (number + 1), "tumour": 5 if number % 4 == 0 else 0})
        for number, case in enumerate(cases)
    }
    splits = make_splits(cases, facts=facts)
    assert_sound(splits, cases)
    for fold in splits.folds:
        assert len(fold.validation) == 8
        numbers = [int(name[1:3]) for name in fold.validation]
        assert 1 <= sum(number % 4 == 0 for number in numbers) <= 3
        thirds = Counter(number * 3 // 40 for number in numbers)
        assert all(2 <= thirds[third] <= 4 for third in range(3))
    assert splits.stated.endswith("stratified by regions and volume")


def test_strata__a_group():
    cases = [made_case(f"c{n:02d}", groups={"class": "benign" if n < 15 else "malignant"}) for n in range(20)]
    splits = make_splits(cases, strata="class")
    assert [sum(int(name[1:]) >= 15 for name in fold.validation) for fold in splits.folds] == [1] * 5
    with pytest.raises(UsageError, match="one of class"):
        make_splits(cases, strata="site")


def test_duplicates_count_as_one_patient():
    cases = cohort(6)
    facts = {case.id: made_facts(case.id) for case in cases}
    facts["p05_0"] = made_facts("p05_0", image_hashes=("p01_0",))
    facts["p03_0"] = made_facts("p03_0", image_hashes=("p01_0",))
    owners = owners_of(cases, facts)
    assert owners["p01_0"] == owners["p03_0"] == owners["p05_0"]
    assert len(set(owners.values())) == 4
    splits = make_splits(cases, folds=4, facts=facts)
    assert any({"p01_0", "p03_0", "p05_0"} <= set(fold.validation) for fold in splits.folds)


def test_owners__a_chain_of_duplicates():
    cases = cohort(3, scans=2)
    hashes = {"p00_1": "x", "p01_0": "x", "p01_1": "y", "p02_0": "y"}
    facts = {case.id: made_facts(case.id, image_hashes=(hashes.get(case.id, case.id),)) for case in cases}
    assert len(set(owners_of(cases, facts).values())) == 1


def given(tmp_path, value):
    return write_json(tmp_path / "splits.json", value)


def test_read__nnunets_form(tmp_path):
    cases = cohort(4)
    names = [case.id for case in cases]
    path = given(tmp_path, [{"train": names[2:], "val": names[:2]}, {"train": names[:2], "val": names[:1:-1]}])
    splits = read_splits(path, cases)
    assert splits.folds[0].train == ("p02_0", "p03_0")
    assert splits.folds[1].validation == ("p02_0", "p03_0")
    assert (splits.source, splits.stated) == ("splits.json", "2 folds as splits.json says")


def test_read__what_was_made(tmp_path):
    cases = [*cohort(7), made_case("t", split="test")]
    made = make_splits(cases, folds=3)
    again = read_splits(given(tmp_path, made.model_dump(mode="json")), cases)
    assert (again.folds, again.test) == (made.folds, made.test)


def test_read__csv_with_folds(tmp_path):
    cases = cohort(4)
    path = write_text(tmp_path / "s.csv", "case,fold\np00_0,0\np01_0,1\np02_0.nii.gz,01\np03_0,test\n")
    splits = read_splits(path, cases)
    assert [fold.validation for fold in splits.folds] == [("p00_0",), ("p01_0", "p02_0")]
    assert splits.test == ("p03_0",)


def test_read__csv_with_sides(tmp_path):
    path = write_text(tmp_path / "s.csv", "id;split\np00_0;Train\np01_0;val\n")
    (fold,) = read_splits(path, cohort(2)).folds
    assert (fold.train, fold.validation) == (("p00_0",), ("p01_0",))


def test_read__a_case_twice_on_one_side(tmp_path):
    names = [case.id for case in cohort(3)]
    path = given(tmp_path, [{"train": [*names[1:], names[1]], "val": names[:1]}])
    with pytest.raises(InputError, match="names a case twice") as caught:
        read_splits(path, cohort(3))
    assert caught.value.found == names[1]


def test_read__a_case_on_two_sides(tmp_path):
    with pytest.raises(PolicyError) as raised:
        read_splits(given(tmp_path, [{"train": ["p00_0", "p01_0"], "val": ["p01_0"]}]), cohort(2))
    assert raised.value.exit_code == 5 and "p01_0" in str(raised.value)


def test_read__a_case_of_the_test_split(tmp_path):
    cases = [*cohort(3), made_case("t", split="test")]
    path = given(tmp_path, [{"train": ["p00_0", "p01_0", "t"], "val": ["p02_0"]}])
    with pytest.raises(PolicyError, match="fold 0 and the test split"):
        read_splits(path, cases)


def test_read__patients_are_the_gates_business(tmp_path):
    cases = cohort(3, scans=2)
    path = given(tmp_path, [{"train": ["p00_0", "p01_0", "p01_1", "p02_1"], "val": ["p00_1", "p02_0"]}])
    assert read_splits(path, cases).folds[0].validation == ("p00_1", "p02_0")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([{"train": ["p00_0"], "val": ["nobody"]}], "not there"),
        ([{"train": ["p00_0"], "val": ["p01_0"]}], "leaves out cases"),
        ([{"train": ["p00_0", "p01_0", "p02_0"], "val": []}], "empty side"),
        ([{"train": ["p00_0", "p01_0"], "val": ["p02_0", "bare"]}], "no label"),
        ([], "not a split file"),
        ({"train": ["p00_0"]}, "not a split file"),
        ([{"train": "p00_0", "val": ["p01_0"]}], "not a split file"),
        ([["p00_0"]], "not a split file"),
    ],
)
def test_read__files_that_do_not_fit(tmp_path, value, words):
    cases = [*cohort(3), made_case("bare", label=None)]
    with pytest.raises(InputError, match=words) as raised:
        read_splits(given(tmp_path, value), cases)
    assert raised.value.exit_code == 4


def test_read__excluded_cases_may_be_named(tmp_path):
    path = given(tmp_path, [{"train": ["p00_0", "gone"], "val": ["p01_0"]}])
    (fold,) = read_splits(path, cohort(2), excluded=["gone"]).folds
    assert fold.train == ("p00_0",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("case,side\np00_0,1\n", "not a split file"),
        ("case,split\np00_0,train\np01_0,sometimes\n", "not a word of a split"),
        ("case,split\np00_0,train\np01_0,\n", "not a word of a split"),
        ("case,fold\np00_0,1\np01_0,2\n", "not numbered from 0"),
        ("case,fold\np00_0,0\np01_0,2\n", "not numbered from 0"),
        ("case,fold\np00_0,0\np01_0,train\n", "folds and words in one column"),
        ("case,fold\np00_0,0\np00_0,1\n", "two rows that differ"),
    ],
)
def test_read__tables_that_are_none(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read_splits(write_text(tmp_path / "s.csv", text), cohort(2))


def test_read__no_such_file(tmp_path):
    with pytest.raises(InputError, match="no such split file"):
        read_splits(tmp_path / "s.json", cohort(2))


def test_make_splits__what_belongs_together_stays_on_one_side():
    cases = cohort(patients=12)
    groups = [("p00_0", "p05_0", "p11_0"), ("p05_0", "p07_0"), ("p01_0", "nobody"), ("nobody",)]
    splits = make_splits(cases, folds=4, together=groups)
    assert_sound(splits, cases)
    home = {name: number for number, fold in enumerate(splits.folds) for name in fold.validation}
    assert len({home[name] for name in ("p00_0", "p05_0", "p11_0", "p07_0")}) == 1
    assert "3 fewer" in splits.stated
    assert "fewer" not in make_splits(cases, folds=4).stated


@pytest.mark.parametrize("word", ["-1", "1-0", "fold -1", "0.0"])
def test_read_splits__no_number_of_a_fold(tmp_path, word):
    cases = cohort(patients=4)
    file = write_text(tmp_path / "s.csv", f"case,fold\np00_0,{word}\np01_0,0\np02_0,1\np03_0,1\n")
    with pytest.raises(InputError, match="not a word of a split"):
        read_splits(file, cases)


def test_read__train_and_test_alone_set_cases_apart(tmp_path):
    cases = cohort(patients=4)
    file = write_text(tmp_path / "s.csv", "case,split\np00_0,train\np01_0,test\np02_0,train\np03_0,train\n")
    found = read_splits(file, cases)
    assert (found.folds, found.test, found.stated) == ((), ("p01_0",), "a test split as s.csv says")
    with pytest.raises(InputError, match="leaves out cases"):
        read_splits(file, [*cases, made_case("new")])


def test_read__train_alone_says_what_to_do(tmp_path):
    file = write_text(tmp_path / "s.csv", "case,split\np00_0,train\np01_0,train\n")
    with pytest.raises(InputError, match="empty side") as raised:
        read_splits(file, cohort(patients=2))
    assert "no case to validate on in fold 0" in str(raised.value.found) and "word test" in raised.value.hint
