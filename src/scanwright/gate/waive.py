"""Waivers: errors of policy that somebody lets pass, by name and with a reason that is kept with everything made from the data.

    shortcut=all scanners of this type have been replaced          every finding with this code
    near-duplicate:case_07=both eyes of one patient                those that concern this case

Only what a rule forbids can be waived. A file that cannot be read, or a label off its image, cannot.
"""

import re
from collections.abc import Sequence
from unicodedata import east_asian_width

from scanwright.dataset.cases import Fault
from scanwright.dataset.checks import excludes
from scanwright.dataset.task import Frozen
from scanwright.errors import UsageError

REASONS = {
    "near-duplicate": "the published split is kept as it is",
    "patient-on-two-sides": "left and right knee are judged apart",
}
"""Of some codes a reason that somebody may have; it says how much a reason has to say."""
REASON = "known, and accepted for this comparison"
EXAMPLE = 'For example --waive "near-duplicate=both eyes of one patient".'
LEAST_LETTERS, LONG_WORD, WIDE_SIGN = 3, 10, 3


class Waiver(Frozen):
    """One waiver: the code of a finding, why it may pass, and the case that it is about; null: whatever case."""

    code: str
    reason: str
    case: str | None = None

    def covers(self, fault: Fault, group: Sequence[str] | None = None) -> bool:
        """Whether a finding is one that this waiver is about; with a group, whether this part of it is."""
        named = {fault.case, *fault.cases} if group is None else set(group)
        return self.code == fault.code and (self.case is None or self.case in named)


def parse_waiver(text: str) -> Waiver:
    """CODE=REASON or CODE:CASE=REASON. Raises UsageError for anything else, and for a reason that is none (`is_reason`).

    >>> parse_waiver("near-duplicate:case 7=both eyes")
    Waiver(code='near-duplicate', reason='both eyes', case='case 7')
    """
    match = re.fullmatch(r"\s*([a-z][a-z-]*)\s*(?::([^=]+))?=(.*)", text, flags=re.DOTALL)
    if not match:
        raise UsageError(
            "not a waiver", found=f"--waive {text!r}", expected="CODE=REASON or CODE:CASE=REASON", hint=EXAMPLE
        )
    code, case, reason = match.groups()
    if not is_reason(reason):
        raise UsageError(
            "not a waiver: the reason is too short",
            found=repr(reason.strip()),
            expected=f"a reason of two words, or of {LONG_WORD} letters",
            hint=EXAMPLE,
        )
    return Waiver(code=code, reason=" ".join(reason.split()), case=case.strip() if case else None)


def is_reason(text: str) -> bool:
    """Whether a text says enough to be read later: two words of three letters in all, or one word of LONG_WORD letters.

    A sign of a script that has no spaces between words (Chinese, Japanese) counts as WIDE_SIGN letters.

    >>> is_reason("ok"), is_reason("aaa"), is_reason("both eyes"), is_reason("retrospective"), is_reason("同一病人")
    (False, False, True, True, True)
    """
    words = re.findall(r"\w+", text)
    letters = sum(WIDE_SIGN if east_asian_width(sign) == "W" else 1 for word in words for sign in word)
    return letters >= LONG_WORD or (len(words) > 1 and letters >= LEAST_LETTERS)


def waived(faults: Sequence[Fault], waivers: Sequence[Waiver]) -> list[Fault]:
    """The faults in their order, those of policy that a waiver covers marked with its reason; the first that covers counts.

    Of a finding about several groups of cases, such as patients, each has to be covered: by its own waivers or one for all.
    A waiver that covers nothing becomes a note at the end: what it let pass may have been mended.
    Raises UsageError if one covers only faults that are not of policy.
    """
    for waiver in waivers:
        covered = [fault for fault in faults if waiver.covers(fault)]
        if covered and not any(fault.policy for fault in covered):
            raise UsageError(
                "this finding cannot be waived",
                found=covered[0].line(),
                expected="a finding that a rule forbids, such as a leak",
                hint=f"Mend it, or leave the case out with {excludes(cases_of(covered)) or '--exclude'}.",
            )
    marked = [_marked(fault, waivers) for fault in faults]
    unused = [waiver for waiver in waivers if not any(waiver.covers(fault) for fault in faults)]
    return marked + [
        Fault(
            code="unused-waiver",
            severity="note",
            case=waiver.case,
            found=f"nothing of the code {waiver.code}" + (f" in {waiver.case}" if waiver.case else ""),
            action="Leave the waiver out.",
        )
        for waiver in unused
    ]


def ways_out(faults: Sequence[Fault]) -> str:
    """What can be done about each code of the faults that stop a run: every option that there is, ready to be copied.

    >>> ways_out([Fault(code="bad-geometry", severity="error", case="a")])
    'Mend the data, or: bad-geometry: --exclude a (no waiver lets it pass).'
    """
    stopping, ways = sorted((fault for fault in faults if fault.stops), key=lambda fault: fault.policy), []
    for code in dict.fromkeys(fault.code for fault in stopping):
        own = [fault for fault in stopping if fault.code == code]
        if all(fault.policy for fault in own):
            waiver = f'--waive "{code}={REASONS.get(code, REASON)}"'
            ways.append(f"{code}: --exclude one case of each, or {waiver} with your reason, which every report shows")
        else:
            ways.append(f"{code}: {excludes(cases_of(own)) or 'to be mended'} (no waiver lets it pass)")
    return f"Mend the data, or: {'; '.join(ways)}."


def cases_of(faults: Sequence[Fault]) -> set[str]:
    """The cases that faults are about, each by the one that it names first."""
    return {fault.case for fault in faults if fault.case is not None}


def _marked(fault: Fault, waivers: Sequence[Waiver]) -> Fault:
    groups = fault.groups or ((fault.case or "", *fault.cases),)
    reasons = [next((one.reason for one in waivers if one.covers(fault, group)), "") for group in groups]
    if not fault.policy or not all(reasons):
        return fault
    return fault.model_copy(update={"waived": "; ".join(dict.fromkeys(reasons))})
