"""The verbs `data merge` and `data append`: several data sets as one, and cases added to one that was made so.

Everything is looked at before anything is written: what each source holds, whether all ask the same, which cases are there
twice. Then case after case is placed. `collection.json` says what was asked for, so that the same command, run again after it
was stopped, goes on, and another one is refused.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scanwright.api.claims import require_outside
from scanwright.api.data.grown import Grown, Renamed, Repeated, moved, notes_on
from scanwright.api.data.looking import look_through
from scanwright.api.data.sources import Member, gather, left_out
from scanwright.dataset.cases import Case
from scanwright.dataset.collection import (
    OWN_COLUMNS,
    RECORD,
    TARGET,
    Listing,
    read_record,
    read_rows,
    write_declaration,
)
from scanwright.dataset.identities import Identity, identify
from scanwright.dataset.merge import answers_of, join_tasks
from scanwright.dataset.placing import Placing
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Task
from scanwright.dataset.translate import Translation, translated_target
from scanwright.errors import InputError, UsageError
from scanwright.files import require_writable, write_json
from scanwright.protocols import Listener, Progress, silent

FORMAT = "scanwright collection 1"
TABLE_S = 1.0
"""Seconds after which the table is written again while cases are appended: what is placed again after a kill."""


def merge(
    sources: Sequence[str | Path],
    *,
    out: str | Path,
    mappings: Sequence[str] = (),
    same_patients: bool = False,
    exclude: Sequence[str] = (),
    link: bool = False,
    tell: Listener = silent,
) -> Grown:
    """Put data sets of any layout into one folder. A case that an earlier source has (same voxels, same answer) is left out.

    out: a new folder, or one that the same call began. mappings: how names are mapped (see `dataset.mapping`).
    same_patients: patients of one name are one person; else they are kept apart. exclude: "SOURCE:CASE", or a case of any
    source. link: hard links instead of copies; a change to a file is then a change to both.
    Raises UsageError if the tasks do not fit together, InputError if a source has errors or one image has two answers,
    ResourceError if the folder cannot be written.
    """
    folder = Path(out).absolute()
    for source in sources:
        require_outside(folder, Path(source))
    members = gather(sources, mappings=mappings, exclude=exclude, tell=tell)
    task, translations = _joined(members, name=folder.name)
    repeated = left_out(members, translations, task)
    kept = _kept(members, translations, task, repeated)
    identities = identify(kept, same_patients=same_patients)
    record = {
        "format": FORMAT,
        "whole": False,
        "asked": {
            "sources": {one.name: one.looked.manifest.digest for one in members},
            "mapped": {one.name: one.renaming.model_dump(mode="json") for one in members},
            "same_patients": same_patients,
            "excluded": sorted(exclude),
        },
        "sources": _sources(members, kept),
    }
    _require_free(folder, record)
    require_writable(folder)
    write_json(folder / RECORD, record)
    write_declaration(folder, task)  # before any file: a folder of half the cases is then no data set
    apart = any(len(case.images) > 1 for cases in kept.values() for case in cases)
    listing = Listing(root=folder, task=task)
    placing = Placing(root=folder, task=task, apart=apart, link=link, resume=True)
    for case, called, member in _in_turn(members, kept, identities, tell):
        _place(case, called, member, placing, translations, listing)
    listing.write()
    _require_same(folder, listing, task)
    write_json(folder / RECORD, {**record, "whole": True})
    return _grown(folder, task, kept, identities, repeated, cases=len(listing.rows))


def append(
    data: str | Path,
    sources: Sequence[str | Path],
    *,
    mappings: Sequence[str] = (),
    same_patients: bool = False,
    exclude: Sequence[str] = (),
    link: bool = False,
    tell: Listener = silent,
) -> Grown:
    """Add cases to a folder that `merge` made. Nothing that is there is changed; a case that is there already is left out.

    Stopped and run again, it goes on: a case is there once its row is, and is then left out. Raises UsageError if the folder
    was not made by `merge`, or its task would have to change; else as `merge`.
    """
    folder = Path(data).absolute()
    record = _require_whole(folder)
    for source in sources:
        require_outside(folder, Path(source))
        require_outside(Path(source).absolute(), folder)
    held = look_through(folder, tell=tell)
    members = gather(sources, mappings=mappings, exclude=exclude, tell=tell, first=Member(folder.name, folder, held))
    task, translations = _joined(members, name=held.dataset.task.name)
    _require_same_task(task, held.dataset.task, folder)
    repeated = left_out(members, translations, task, within=True)
    new = members[1:]
    kept = _kept(new, translations, task, repeated)
    identities = identify(kept, same_patients=same_patients, taken=held.dataset.cases)
    rows = read_rows(folder)
    images = {row["id"]: row["image"] for row in rows if "image" in row}
    pictures = [
        (case, images[case.id], _size(members[0], case)) for case in held.dataset.cases if task.kind == "detection"
    ]
    listing = Listing(root=folder, task=task, rows=rows, pictures=pictures)
    placing = Placing(root=folder, task=task, apart="image_1" in rows[0], link=link)
    written = time.monotonic()
    for case, called, member in _in_turn(new, kept, identities, tell):
        _place(case, called, member, placing, translations, listing)
        if time.monotonic() - written > TABLE_S:
            listing.write()
            written = time.monotonic()
    listing.write()
    write_json(folder / RECORD, {**record, "sources": [*record["sources"], *_sources(new, kept)]})
    return _grown(folder, task, kept, identities, repeated, cases=len(listing.rows))


def _joined(members: Sequence[Member], *, name: str) -> tuple[Task, dict[str, Translation]]:
    tasks = {one.name: one.looked.dataset.task for one in members}
    return join_tasks(tasks, {one.name: one.renaming for one in members}, name=name)


def _kept(
    members: Sequence[Member], translations: Mapping[str, Translation], task: Task, repeated: Sequence[Repeated]
) -> dict[str, list[Case]]:
    """Each source's cases with their targets in joint names, less those left out, and pictures whose boxes nobody knows."""
    _require_pictures(members, task)
    gone = {(one.source, one.case) for one in repeated}
    kept: dict[str, list[Case]] = {one.name: [] for one in members}
    for member in members:
        for case in member.looked.dataset.cases:
            source, translation = member.looked.dataset.task, translations[member.name]
            target = translated_target(case.target, translation, source=source, joint=task)
            if (member.name, case.id) not in gone and (task.kind != "detection" or target is not None):
                kept[member.name].append(case.model_copy(update={"target": target}))
    return kept


def _require_pictures(members: Sequence[Member], task: Task) -> None:
    """Raise UsageError for boxes of volumes: a collection keeps boxes as COCO has them, which knows no slices."""
    for member in members if task.kind == "detection" else ():
        for case in member.looked.dataset.cases:
            if member.content(case).shape[2] > 1:
                hint = "Put the rows of both tables of boxes into one."
                raise UsageError(
                    "boxes of volumes cannot be merged", where=member.looked.dataset.root, found=case.id, hint=hint
                )


def _in_turn(
    members: Sequence[Member],
    kept: Mapping[str, Sequence[Case]],
    identities: Mapping[tuple[str, str], Identity],
    tell: Listener,
) -> Iterator[tuple[Case, Identity, Member]]:
    """Every case that is to be placed, with progress after each."""
    total, done = sum(map(len, kept.values())), 0
    for member in members:
        for case in kept[member.name]:
            yield case, identities[member.name, case.id], member
            done += 1
            tell(Progress("place", done=done, total=total))


def _place(
    case: Case,
    called: Identity,
    member: Member,
    placing: Placing,
    translations: Mapping[str, Translation],
    listing: Listing,
) -> None:
    """Put one case's files into the folder, and note it."""
    placed = placing.place(case, member.looked.dataset.task, translations[member.name], name=called.case)
    told = {"source": member.name, **case.groups}  # what was merged before keeps its own source
    groups = {_group_name(name, placing.task): value for name, value in told.items()}
    joint = case.model_copy(update={"id": called.case, "patient": called.patient, "groups": groups})
    listing.add(joint, placed, size=_size(member, case))


def _size(member: Member, case: Case) -> tuple[int, int]:
    """Columns and rows of a picture."""
    shape = member.content(case).shape
    return shape[0], shape[1]


def _group_name(name: str, task: Task) -> str:
    """A group's column, under a name that means nothing else in the table."""
    taken = name in OWN_COLUMNS or name in task.quantities or (name == TARGET and task.kind == "classification")
    return f"group_{name}" if taken else name


def _require_free(folder: Path, record: Mapping[str, Any]) -> None:
    """Raise UsageError unless a folder is new, empty, or holds what the same request began."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    found = read_record(folder) if folder.is_dir() else None
    if found is None or found.get("asked") != record["asked"]:
        raise UsageError(
            "the output folder is not empty",
            where=folder,
            found="another data set" if found else "other files",
            hint="Choose another folder with -o; scanwright data append adds to one that was merged.",
        )
    if found.get("whole") and found.get("sources") != record["sources"]:
        hint = "Choose another folder with -o."
        raise UsageError("cases have been appended to this data set since", where=folder, hint=hint)


def _require_whole(folder: Path) -> dict[str, Any]:
    """The record of a folder that `merge` finished. Raises UsageError for any other."""
    record = read_record(folder) if folder.is_dir() else None
    if record is None or record.get("format") != FORMAT or not record.get("whole"):
        raise UsageError(
            "append adds to a data set that data merge made",
            where=folder,
            found="another layout" if record is None else "one that is not whole",
            hint="Run the same data merge again, or make a new one: scanwright data merge DATA NEW -o OUT.",
        )
    return record


def _require_same_task(joint: Task, held: Task, folder: Path) -> None:
    """Raise UsageError if appending would change what a data set asks."""
    asked = ("channels", "regions", "classes", "quantities", "ignore")
    before, after = ({name: getattr(task, name) for name in asked} for task in (held, joint))
    if before != after:
        raise UsageError(
            "appending would change what the data set asks",
            where=folder,
            expected=", ".join(answers_of(held)),
            found=", ".join(answers_of(joint)),
            hint="Map the names with --map, or make a new data set with scanwright data merge.",
        )


def _require_same(folder: Path, listing: Listing, task: Task) -> None:
    """Raise InputError if the folder is not read as what was meant: names that a table cannot hold."""
    found = read_dataset(folder)
    meant = {row["id"]: row for row in listing.rows}
    if {case.id for case in found.cases} != set(meant):
        odd = sorted({case.id for case in found.cases} ^ set(meant))
        raise InputError("names that a table cannot hold", where=folder, found=", ".join(map(repr, odd[:4])))
    _require_same_task(task, found.task, folder)


def _sources(members: Sequence[Member], kept: Mapping[str, Sequence[Case]]) -> list[dict[str, Any]]:
    """What the record says of each source."""
    return [
        {
            "name": one.name,
            "layout": one.looked.dataset.layout,
            "digest": one.looked.manifest.digest,
            "cases": len(kept[one.name]),
            "mapped": one.renaming.model_dump(mode="json"),
        }
        for one in members
    ]


def _grown(
    folder: Path,
    task: Task,
    kept: Mapping[str, Sequence[Case]],
    identities: Mapping[tuple[str, str], Identity],
    repeated: Sequence[Repeated],
    *,
    cases: int,
) -> Grown:
    """What is to be said of it."""
    pairs = [(name, case, identities[name, case.id]) for name, own in kept.items() for case in own]
    renamed = (Renamed(name, case.id, called.case) for name, case, called in pairs if called.case != case.id)
    patients = {
        Renamed(name, case.patient, called.patient)
        for name, case, called in pairs
        if called.patient not in (case.patient, called.case)
    }
    return Grown(
        folder=folder,
        task=task,
        cases=cases,
        added={name: len(own) for name, own in kept.items()},
        renamed=tuple(renamed),
        patients=tuple(sorted(patients, key=lambda one: (one.source, one.before))),
        repeated=tuple(repeated),
        notes=(*moved(repeated), *notes_on(task, kept)),
    )
