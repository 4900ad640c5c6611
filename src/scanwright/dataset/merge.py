"""Several tasks as one: what each source calls its channels and answers, and what they are called together.

Names are the same if they differ in case and signs only ("Left_Lung", "left lung"); all else is said with a `Renaming`, never
guessed. Label values need not agree: a source's values are written as those of the first source that has the region. What is
not answered in one source must not be taken for absent there, so that regions, boxes and findings have to be the same in all:
else the voxels of a spleen would be taught as background. Classes of which an image has one, and quantities, are put together.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from scanwright.dataset.mapping import Renaming
from scanwright.dataset.task import Channel, Region, Task, as_input_error
from scanwright.dataset.translate import Translation
from scanwright.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One source's task in the joint names. names: own answer to joint name, "" left out; absent: looked for, not there."""

    source: str
    task: Task
    names: Mapping[str, str]
    absent: frozenset[str]
    channels: tuple[str, ...]

    @property
    def answers(self) -> frozenset[str]:
        """Joint names of what the source answers."""
        return frozenset(name for name in self.names.values() if name) | self.absent


def join_tasks(
    tasks: Mapping[str, Task], renamings: Mapping[str, Renaming], *, name: str
) -> tuple[Task, dict[str, Translation]]:
    """The joint task, and how each source is translated into it. The first source's names and values stay where they can.

    Raises UsageError, with the option that would settle it, if kinds, channels or answers do not fit together.
    """
    _require_one_kind(tasks)
    said = _in_joint_names(tasks, renamings)
    first = next(iter(tasks.values()))
    _require_same_answers(said, first)
    channels, places = _joint_channels(said)
    answers = list(dict.fromkeys(one for each in said for one in _ordered(each)))
    fields: dict[str, Any]
    if first.kind == "segmentation":
        regions, ignore = _joint_regions(said, answers)
        order = first.region_order if regions == first.regions else ()
        fields = {
            "regions": regions,
            "region_order": order,
            "ignore": ignore,
            "findings": _joint_findings(said, regions),
        }
    elif first.kind == "regression":
        fields = {"quantities": tuple(answers)}
    else:
        fields = {"classes": tuple(answers), "choice": first.choice}
    try:
        joint = Task(name=name, kind=first.kind, channels=channels, source="scanwright.json", **fields)
    except ValidationError as error:
        raise as_input_error(error, message="names that make no sense together", where=", ".join(tasks)) from error
    return joint, {
        each.source: Translation(values=_values(each, joint), names=each.names, channels=places[each.source])
        for each in said
    }


def _joint_findings(said: Sequence[Said], regions: Sequence[Region]) -> tuple[str, ...] | None:
    """The regions that are findings in any source; None, for what names say, if no source declares any."""
    if all(one.task.findings is None for one in said):
        return None
    told = {one.names[name] for one in said for name in one.task.abnormal}
    return tuple(region.name for region in regions if region.name in told)


def word(name: str) -> str:
    """A name as it is compared.

    >>> word("Left_Lung "), word("left lung")
    ('left lung', 'left lung')
    """
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def answers_of(task: Task) -> tuple[str, ...]:
    """What a task answers, by name."""
    return task.quantities or task.classes or tuple(region.name for region in task.regions)


def _ordered(said: Said) -> list[str]:
    return [*(name for name in said.names.values() if name), *sorted(said.absent)]


def _require_one_kind(tasks: Mapping[str, Task]) -> None:
    for what, told in (
        ("kinds", {name: task.kind for name, task in tasks.items()}),
        ("choices of classes", {name: task.choice for name, task in tasks.items() if task.kind == "classification"}),
    ):
        if len(set(told.values())) > 1:
            raise UsageError(
                f"data sets of different {what} cannot be joined",
                found=", ".join(f"{name}: {value}" for name, value in told.items()),
                hint='State "kind" or "choice" in the scanwright.json of one of them, if it was read wrongly.',
            )


def _in_joint_names(tasks: Mapping[str, Task], renamings: Mapping[str, Renaming]) -> list[Said]:
    """Each source in joint names, spelled as the first one that has them."""
    spelled: dict[str, str] = {}
    found = []
    for source, task in tasks.items():
        renaming = renamings.get(source, Renaming())
        used: set[str] = set()
        own = {name: _renamed(name, _value_names(name, task), renaming, used) for name in answers_of(task)}
        channels = [_renamed(channel.name, (), renaming, used) for channel in task.channels]
        unknown = [name for name in renaming.names if name not in used]
        if unknown:
            known = [*answers_of(task), *(channel.name for channel in task.channels)]
            raise UsageError(
                f"{source} has no such name to map",
                where=f"--map {source}:{unknown[0]}={renaming.names[unknown[0]]}",
                expected=f"one of {', '.join(known)}",
                found=unknown[0],
            )
        if "" in channels:
            raise UsageError(
                "a channel cannot be left out", where=f"--map {source}:{task.channels[channels.index('')].name}="
            )
        found.append(
            Said(
                source=source,
                task=task,
                names={name: spelled.setdefault(word(new), new) if new else "" for name, new in own.items()},
                absent=frozenset(spelled.setdefault(word(name), name) for name in renaming.absent),
                channels=tuple(channels),
            )
        )
    return found


def _renamed(name: str, values: Iterable[str], renaming: Renaming, used: set[str]) -> str:
    for key in (name, *values):
        if key in renaming.names:
            used.add(key)
            return renaming.names[key]
    return name


def _value_names(name: str, task: Task) -> tuple[str, ...]:
    """The label value of a region that has a single one, as text."""
    region = next((one for one in task.regions if one.name == name), None)
    return (str(region.values[0]),) if region is not None and len(region.values) == 1 else ()


def _require_same_answers(said: Sequence[Said], first: Task) -> None:
    """Raise UsageError where something is answered in one source and not in another, and that would be learned as absent."""
    if first.kind == "regression" or (first.kind == "classification" and first.choice == "one"):
        return
    if first.choice == "ordered" and first.kind == "classification":
        _require_same_order(said)
        return
    every = list(dict.fromkeys(name for one in said for name in _ordered(one)))
    lacking = {one.source: [name for name in every if name not in one.answers] for one in said}
    if not any(lacking.values()):
        return
    own = {one.source: [name for name in _ordered(one)] for one in said}
    source, missing = next((source, names) for source, names in lacking.items() if names)
    other = next(each for each in own if missing[0] in own[each])
    alike = get_close_matches(missing[0].casefold(), [name.casefold() for name in own[source]], n=1)
    same = next((name for name in own[source] if alike and name.casefold() == alike[0]), "")
    raise UsageError(
        "the data sets do not answer the same",
        expected="the same names in all of them",
        found="; ".join(f"{name} has no {', '.join(names)}" for name, names in lacking.items() if names),
        details=[f"{name}: {', '.join(names)}" for name, names in own.items()],
        hint=f"Say what {missing[0]} is: --map '{other}:{missing[0]}={same or 'NAME'}' (the same under another name), "
        f"'{other}:{missing[0]}=' (leave it out), or '{source}:={missing[0]}' (looked for there, and absent).",
    )


def _require_same_order(said: Sequence[Said]) -> None:
    lists = {one.source: [name for name in one.names.values() if name] for one in said}
    if len({tuple(names) for names in lists.values()}) > 1:
        raise UsageError(
            "grades that are not the same",
            expected="the same grades in the same order",
            details=[f"{name}: {', '.join(names)}" for name, names in lists.items()],
            hint='State "classes" in the scanwright.json of each source, all grades from least to most.',
        )


def _joint_channels(said: Sequence[Said]) -> tuple[tuple[Channel, ...], dict[str, tuple[int, ...]]]:
    """The channels together, and where each source has them. Raises UsageError if a source has others."""
    first = said[0]
    wanted = [word(name) for name in first.channels]
    modalities = [channel.modality for channel in first.task.channels]
    places = {}
    for one in said:
        own = [word(name) for name in one.channels]
        if sorted(own) != sorted(wanted):
            extra = [name for name in one.channels if word(name) not in wanted] or list(one.channels)
            raise UsageError(
                "the data sets have different channels",
                expected=f"{', '.join(first.channels)}, as in {first.source}",
                found=f"{', '.join(one.channels)} in {one.source}",
                hint=f"If it is the same kind of image, say so: --map '{one.source}:{extra[0]}={first.channels[0]}'.",
            )
        places[one.source] = tuple(own.index(name) for name in wanted)
        for index, place in enumerate(places[one.source]):
            theirs = one.task.channels[place].modality
            if "other" not in (theirs, modalities[index]) and theirs != modalities[index]:
                raise UsageError(
                    "the data sets have different kinds of images",
                    expected=f"{modalities[index]} as {first.channels[index]}, as in {first.source}",
                    found=f"{theirs} in {one.source}",
                    hint='State "channels" in the scanwright.json of the one that was read wrongly.',
                )
            modalities[index] = theirs if modalities[index] == "other" else modalities[index]
    named = zip(first.channels, modalities, strict=True)
    return tuple(Channel(name=name, modality=modality) for name, modality in named), places


def _joint_regions(said: Sequence[Said], names: Sequence[str]) -> tuple[tuple[Region, ...], int | None]:
    """Each region with values of its own: those of the first source that has it, where they are free."""
    if not all(one.task.exclusive for one in said):
        return _overlapping_regions(said)
    held: dict[str, tuple[int, ...]] = {}
    ignore = next((one.task.ignore for one in said if one.task.ignore is not None), None)
    taken = {0} if ignore is None else {0, ignore}
    for one in said:
        for name, values in _named_values(one).items():
            if name in held:
                continue
            free = values if not taken & set(values) else (next(v for v in range(1, len(taken) + 2) if v not in taken),)
            held[name] = free
            taken |= set(free)
    absent = [name for name in names if name not in held]
    for name in absent:  # looked for everywhere, found nowhere
        held[name] = (next(v for v in range(1, len(taken) + 2) if v not in taken),)
        taken |= set(held[name])
    return tuple(Region(name=name, values=held[name]) for name in names), ignore


def _overlapping_regions(said: Sequence[Said]) -> tuple[tuple[Region, ...], int | None]:
    """Regions that share values. Raises UsageError unless all sources have the same ones: values cannot be translated."""
    first = said[0]
    for one in said[1:]:
        if (_named_values(one), one.task.ignore) != (_named_values(first), first.task.ignore):
            raise UsageError(
                "overlapping regions with different label values",
                expected=f"{_spelled(first)}, as in {first.source}",
                found=f"{_spelled(one)} in {one.source}",
                hint="Write the labels of one of them with the values of the other.",
            )
    return tuple(Region(name=name, values=values) for name, values in _named_values(first).items()), first.task.ignore


def _named_values(said: Said) -> dict[str, tuple[int, ...]]:
    """Label values by joint name; those of several regions under one name together."""
    found: dict[str, tuple[int, ...]] = {}
    for region in said.task.regions:
        if name := said.names[region.name]:
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), *region.values)))
    return found


def _spelled(said: Said) -> str:
    return ", ".join(f"{name} = {'+'.join(map(str, values))}" for name, values in _named_values(said).items())


def _values(said: Said, joint: Task) -> dict[int, int]:
    """Label value to joint value, for all of a source's values but 0."""
    if not said.task.exclusive:
        return {value: value if value in joint.values else 0 for value in said.task.values if value}
    held = {
        region.name: (region.values, order) for region, order in zip(joint.regions, joint.region_order, strict=True)
    }
    found: dict[int, int] = {}
    for region in said.task.regions:
        values, order = held.get(said.names[region.name], ((), 0))
        found |= {value: value if value in values else order for value in region.values}
    if said.task.ignore is not None and joint.ignore is not None:
        found[said.task.ignore] = joint.ignore
    return found
