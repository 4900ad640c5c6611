"""The data sets that are to become one: read through, named, and held against each other for cases that are in two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scanwright.api.data.grown import Repeated
from scanwright.api.data.looking import Looked, look_through
from scanwright.dataset.cases import Case
from scanwright.dataset.checks import raise_if_errors
from scanwright.dataset.identities import source_names
from scanwright.dataset.manifest import Content
from scanwright.dataset.mapping import Renaming, parse_mappings
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Task
from scanwright.dataset.translate import Translation, translated, translated_target
from scanwright.errors import InputError, UsageError
from scanwright.io.formats import read_label
from scanwright.protocols import Listener, Progress

CARRIED = ("missing-label", "nothing-to-learn")
"""Errors that stop a training but no merging: cases without a label stay so, and another source may have what is missing."""
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Member:
    """One source: its name among the others, where it lies, what was found in it, and how its names are mapped."""

    name: str
    path: Path
    looked: Looked
    renaming: Renaming = Renaming()  # noqa: RUF009  # frozen

    def content(self, case: Case) -> Content:
        """What a case's files hold."""
        content = self.looked.manifest.cases[case.id].content
        assert content is not None
        return content


def gather(
    paths: Sequence[str | Path],
    *,
    mappings: Sequence[str],
    exclude: Sequence[str],
    tell: Listener,
    first: Member | None = None,
) -> list[Member]:
    """Read every source through; `first` is one that has been. Raises DatasetFaults for a source with errors, UsageError for a
    source or case that is not there.
    """
    places = [Path(path) for path in paths]
    names = source_names([*([first.path] if first else []), *places])
    renamings = parse_mappings(mappings, names)
    members = [Member(names[0], first.path, first.looked, renamings.get(names[0], Renaming()))] if first else []
    used: set[str] = set()
    for name, path in zip(names[len(members) :], places, strict=True):
        excluded = _excluded(name, names, read_dataset(path).cases, exclude)
        used |= set(excluded.values())
        looked = look_through(path, exclude=excluded, tell=tell)
        tell(Progress("check", note=f"{name}: {looked.dataset.stated}"))
        faults = tuple(fault for fault in looked.checks.faults if fault.code not in CARRIED)
        raise_if_errors(looked.checks.model_copy(update={"faults": faults}))
        members.append(Member(name, path, looked, renamings.get(name, Renaming())))
    unknown = [text for text in exclude if text not in used]
    if unknown:
        raise UsageError("no such case to exclude", found=", ".join(unknown), expected="CASE, or SOURCE:CASE")
    return members


def _excluded(source: str, names: Sequence[str], cases: Sequence[Case], exclude: Sequence[str]) -> dict[str, str]:
    """Cases of a source that are left out by name, and the text that said so."""
    found: dict[str, str] = {}
    known = {case.id for case in cases}
    for text in exclude:
        spoken = next((name for name in names if text.startswith(f"{name}:")), None)
        name = text if spoken is None else text[len(spoken) + 1 :]
        if name in known and spoken in (None, source):
            found[name] = text
    return found


def left_out(
    members: Sequence[Member], translations: Mapping[str, Translation], task: Task, *, within: bool = False
) -> list[Repeated]:
    """Cases whose image and answer an earlier source has. within: or an earlier case of their own source, but for the first.

    Raises InputError, naming the pairs, where one image has two answers: only people can say which is right.
    """
    seen: dict[tuple[str, ...], tuple[Member, Case]] = {}
    repeated: list[Repeated] = []
    disputed: list[Repeated] = []
    for place, member in enumerate(members):
        own: dict[tuple[str, ...], tuple[Member, Case]] = {}
        for case in member.looked.dataset.cases:
            content = member.content(case)
            voxels = tuple(content.channels[k] for k in translations[member.name].channels)
            other = seen.get(voxels) or (own.get(voxels) if within and place else None)
            if other is None:
                own.setdefault(voxels, (member, case))
                continue
            same_as = f"{other[0].name}: {other[1].id}"
            pair = Repeated(member.name, case.id, same_as, case.split, other[1].split)
            (repeated if _same_answer((member, case), other, translations, task) else disputed).append(pair)
        seen = {**own, **seen}
    if disputed:
        lines = [f"{one.case} of {one.source} is {one.same_as}" for one in disputed[:SHOWN]]
        more = [f"and {len(disputed) - SHOWN} more"] if len(disputed) > SHOWN else []
        raise InputError(
            "one image with two answers",
            expected="the same label or target wherever the voxels are the same",
            found=f"{len(disputed)} case{'s' * (len(disputed) > 1)} that another source answers otherwise",
            details=[*lines, *more],
            hint=f"Find out which is right, and leave the other out with --exclude '{disputed[0].source}:{disputed[0].case}'.",
        )
    return repeated


def _same_answer(
    one: tuple[Member, Case], earlier: tuple[Member, Case], translations: Mapping[str, Translation], task: Task
) -> bool:
    """Whether two cases of one image are answered alike in joint names; a case that is not answered says nothing."""
    if not one[1].is_labelled:
        return True
    if task.kind != "segmentation":
        told = [
            translated_target(case.target, translations[member.name], source=member.looked.dataset.task, joint=task)
            for member, case in (one, earlier)
        ]
        return told[0] == told[1]
    labels = [
        translated(read_label(case.label).voxels[0], translations[member.name].values)
        for member, case in (one, earlier)
        if case.label is not None
    ]
    return len(labels) == 2 and bool(np.array_equal(labels[0], labels[1]))
