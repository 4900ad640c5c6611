"""Pictures that are stored in several forms: some in colour and some grey, or with more bits than others.

mixed-pictures   warning   all are brought to one form before they are learned from (grey from colour by its luma, colour from
                           grey by repeating it), and what the form leaves behind may tell the answer
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from scanwright.dataset.cases import Fault
from scanwright.dataset.examine import Examined
from scanwright.dataset.task import Task

SHOWN = 3


def mixed_pictures(results: Sequence[Examined], task: Task) -> Iterator[Fault]:
    """A warning if pictures are stored in several forms, with how many of each, and some of their names."""
    cases: dict[str, list[str]] = defaultdict(list)
    for result in results:
        if result.forms and all(result.forms):
            cases[" + ".join(result.forms)].append(result.case.id)
    if len(cases) < 2:
        return
    first, *others = sorted(cases, key=lambda form: (-len(cases[form]), form))
    read_as = "colour" if len(task.channels) == 3 else "grey"
    one_bit = ", 1 bit as 0 and 1" if any("1 bit" in form.split(", ") for form in cases) else ""
    yield Fault(
        code="mixed-pictures",
        severity="warning",
        cases=tuple(case for form in others for case in cases[form]),
        expected="pictures stored in one form",
        found="; ".join(f"{form}: {_counted(cases[form])}" for form in (first, *others)),
        action="Save all in one form from their sources, all the more where the form goes with the answer; now they are read "
        f"as {read_as}{one_bit}.",
    )


def _counted(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
    return f"{len(names)} case{'s' * (len(names) > 1)} ({shown})"
