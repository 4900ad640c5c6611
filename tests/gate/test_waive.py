"""Waivers: what they say, what they cover, and what they cannot."""

import pytest

from scanwright.dataset.cases import Fault
from scanwright.errors import UsageError
from scanwright.gate.waive import REASON, REASONS, Waiver, is_reason, parse_waiver, waived, ways_out

LEAK = Fault(code="near-duplicate", severity="error", case="a", cases=("a", "b"), policy=True)
OTHER_LEAK = Fault(code="near-duplicate", severity="error", case="c", cases=("c", "d"), policy=True)
BROKEN = Fault(code="unreadable-image", severity="error", case="a")


@pytest.mark.parametrize(
    ("text", "code", "case", "reason"),
    [
        ("shortcut=the scanner is gone", "shortcut", None, "the scanner is gone"),
        ("near-duplicate:case 7=both  eyes", "near-duplicate", "case 7", "both eyes"),
        (" near-duplicate : a/b =x = y z", "near-duplicate", "a/b", "x = y z"),
        ("leak:cas\u00e9=ça va", "leak", "cas\u00e9", "ça va"),
        ("leak=同一病人的两只眼睛", "leak", None, "同一病人的两只眼睛"),
    ],
)
def test_parse_waiver(text: str, code: str, case: str | None, reason: str) -> None:
    assert parse_waiver(text) == Waiver(code=code, reason=reason, case=case)


@pytest.mark.parametrize(
    "text", ["", "shortcut", "shortcut=", "shortcut= .. ", "=why not", "Short Cut=why not", "a:=why not"]
)
def test_parse_waiver__not_one(text: str) -> None:
    with pytest.raises(UsageError, match="not a waiver") as raised:
        parse_waiver(text)
    assert raised.value.exit_code == 2


def test_waived__by_code() -> None:
    found = waived([LEAK, BROKEN, OTHER_LEAK], [parse_waiver("near-duplicate=known to us")])
    assert [fault.waived for fault in found] == ["known to us", "", "known to us"]
    assert [fault.stops for fault in found] == [False, True, False]
    assert "(waived: known to us)" in found[0].line()


def test_waived__by_any_of_its_cases() -> None:
    found = waived([LEAK, OTHER_LEAK], [parse_waiver("near-duplicate:d=known to us")])
    assert [fault.stops for fault in found] == [True, False]


def test_waived__each_group_of_a_finding_has_to_be_covered() -> None:
    both = Fault(
        code="patient-on-two-sides",
        severity="error",
        policy=True,
        cases=("a", "b", "c", "d"),
        groups=(("a", "b"), ("c", "d")),
    )
    one, other = (parse_waiver(f"patient-on-two-sides:{case}=known as {case}") for case in "ad")
    assert [waived([both], waivers)[0].stops for waivers in ([one], [other], [one, other])] == [True, True, False]
    assert waived([both], [one, other])[0].waived == "known as a; known as d"
    assert not waived([both], [parse_waiver("patient-on-two-sides=all known")])[0].stops


def test_waived__the_first_that_covers() -> None:
    waivers = [parse_waiver("near-duplicate:a=first reason"), parse_waiver("near-duplicate=second reason")]
    assert [fault.waived for fault in waived([LEAK, OTHER_LEAK], waivers)] == ["first reason", "second reason"]


def test_waived__nothing_to_waive() -> None:
    found = waived([LEAK], [parse_waiver("shortcut=not there any more")])
    assert [(fault.code, fault.severity) for fault in found] == [("near-duplicate", "error"), ("unused-waiver", "note")]
    assert found[0].stops


def test_waived__what_makes_no_sense_cannot_be() -> None:
    with pytest.raises(UsageError, match="cannot be waived"):
        waived([BROKEN], [parse_waiver("unreadable-image=never mind it")])


@pytest.mark.parametrize("reason", ["ok", "aaa", "fine", "a b", "双眼"])
def test_parse_waiver__a_reason_that_says_too_little(reason: str) -> None:
    with pytest.raises(UsageError, match="the reason is too short") as raised:
        parse_waiver(f"near-duplicate={reason}")
    assert raised.value.found == repr(reason)
    assert raised.value.expected == "a reason of two words, or of 10 letters"


@pytest.mark.parametrize("reason", ["both eyes", "retrospective", "同一病人"])
def test_parse_waiver__a_short_reason_that_says_enough(reason: str) -> None:
    assert parse_waiver(f"near-duplicate={reason}").reason == reason


def test_ways_out__every_way_of_each_code_that_is_left() -> None:
    copies = Fault(code="duplicate-image", severity="error", case="train 5")
    let_pass = OTHER_LEAK.model_copy(update={"code": "image-on-two-sides", "waived": "known to us"})
    told = ways_out([LEAK, copies, BROKEN, OTHER_LEAK, let_pass, Fault(code="nothing-to-learn", severity="error")])
    assert (
        "duplicate-image: --exclude 'train 5' (no waiver" in told and "unreadable-image: --exclude a (no waiver" in told
    )
    assert "nothing-to-learn: to be mended (no waiver" in told and "image-on-two-sides" not in told
    waiver = told.split('--waive "')[1].split('"')[0]
    assert parse_waiver(waiver).code == "near-duplicate" and told.count("near-duplicate: ") == 1


@pytest.mark.parametrize("reason", [REASON, *REASONS.values()])
def test_reasons_that_are_named_would_do(reason: str) -> None:
    assert is_reason(reason)


def test_waived__what_cannot_be_names_the_case_to_exclude() -> None:
    with pytest.raises(UsageError) as raised:
        waived([BROKEN], [parse_waiver("unreadable-image=known to us")])
    assert "--exclude a" in str(raised.value.hint)
