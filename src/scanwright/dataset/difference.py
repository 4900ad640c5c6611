"""What differs between two versions of a data set: cases, images, labels, targets, patients, sides, groups, the task."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scanwright.dataset.manifest import Entry, Manifest, Mask
from scanwright.dataset.task import Task

TOLERANCE = 10 * 1e-4  # mm, of each number of an affine
SHOWN = 8

Measure = Callable[[str, str], "Mapping[str, Overlap] | None"]
"""How two labels differ, from a case's name in the old version and in the new one; None where they cannot be compared."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far two masks of a region agree. dice: in [0, 1], None where it is not known. changed: voxels in one of them only."""

    dice: float | None
    changed: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelChange:
    """A label that is not what it was. before, after: voxels of each region that changed. overlaps: by region, if measured."""

    case: str
    before: Mapping[str, int]
    after: Mapping[str, int]
    overlaps: Mapping[str, Overlap] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A case's value that is another now; both as short texts."""

    case: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """All that differs. Names are those of the new version, but for removed cases; each list is sorted.

    asked: differences of layout and task, in words. renamed: cases with the same image under another name, as old and new.
    regions: regions whose masks are the same everywhere under another name. groups: how many cases changed in each column.
    """

    asked: tuple[str, ...] = ()
    regions: Mapping[str, str] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    images: tuple[str, ...] = ()
    grids: tuple[str, ...] = ()
    labels: tuple[LabelChange, ...] = ()
    targets: tuple[Change, ...] = ()
    patients: tuple[str, ...] = ()
    sides: tuple[Change, ...] = ()
    unread: tuple[str, ...] = ()
    groups: Mapping[str, int] = field(default_factory=dict)

    @property
    def of_content(self) -> bool:
        """Whether cases differ in more than their names and groups."""
        lists = (
            self.added,
            self.removed,
            self.images,
            self.grids,
            self.labels,
            self.targets,
            self.patients,
            self.sides,
        )
        return any(lists) or bool(self.unread)

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "asked": list(self.asked),
            "regions_renamed": dict(self.regions),
            "added": list(self.added),
            "removed": list(self.removed),
            "renamed": [{"before": old, "after": new} for old, new in self.renamed],
            "images_changed": list(self.images),
            "grids_changed": list(self.grids),
            "labels_changed": [_label_json(one) for one in self.labels],
            "targets_changed": [_change_json(one) for one in self.targets],
            "patients_changed": list(self.patients),
            "sides_changed": [_change_json(one) for one in self.sides],
            "unread": list(self.unread),
            "groups_changed": dict(self.groups),
        }

    def lines(self) -> list[str]:
        """The difference in words, a line for each kind of change; one line that says so if there is none."""
        found = [
            *self.asked,
            *(f"region renamed: {old} is now {new}" for old, new in self.regions.items()),
            *_counted("added", self.added),
            *_counted("removed", self.removed),
            *_counted("renamed", [f"{old} is now {new}" for old, new in self.renamed]),
            *_counted("other image", self.images),
            *_counted("other place in space", self.grids),
            *_counted("other label", [_label_text(one) for one in self.labels]),
            *_counted("other target", [f"{one.case} {one.before} to {one.after}" for one in self.targets]),
            *_counted("other patient", self.patients),
            *_counted("other side of the split", [f"{one.case} {one.before} to {one.after}" for one in self.sides]),
            *_counted("cannot be read", self.unread),
            *(f"group {name}: changed in {count} case{'s' * (count > 1)}" for name, count in self.groups.items()),
        ]
        return found or ["no difference"]


def compare(old: Manifest, new: Manifest, *, measure: Measure | None = None) -> Difference:
    """What became of a version. measure: looks at labels that changed, where both data sets are at hand.

    Cases are the same by name; of the others, those with the same voxels are one case under two names (of several that are
    alike, those with the same label or target first, then by name).
    """
    pairs = {name: name for name in old.cases.keys() & new.cases.keys()}
    gone = {name: one for name, one in old.cases.items() if name not in pairs}
    come = {name: one for name, one in new.cases.items() if name not in pairs}
    renamed = _same_content(gone, come)
    pairs |= renamed
    both = {after: (old.cases[before], new.cases[after]) for before, after in sorted(pairs.items(), key=lambda p: p[1])}
    regions = renamed_regions(old.task, new.task, both.values())
    before = {after: name for name, after in pairs.items()}
    read = {name: pair for name, pair in both.items() if pair[0].content is not None and pair[1].content is not None}
    return Difference(
        asked=tuple(_asked(old, new, regions)),
        regions=regions,
        added=tuple(sorted(come.keys() - set(renamed.values()))),
        removed=tuple(sorted(gone.keys() - renamed.keys())),
        renamed=tuple(sorted(renamed.items())),
        images=tuple(name for name, (a, b) in read.items() if _voxels(a) != _voxels(b)),
        grids=tuple(name for name, (a, b) in read.items() if _voxels(a) == _voxels(b) and not _same_place(a, b)),
        labels=tuple(_label_changes(read, regions, before, measure)),
        targets=tuple(
            Change(name, target_text(a), target_text(b)) for name, (a, b) in both.items() if a.target != b.target
        ),
        patients=tuple(name for name, (a, b) in both.items() if a.patient != b.patient),
        sides=tuple(Change(name, a.split, b.split) for name, (a, b) in both.items() if a.split != b.split),
        unread=tuple(name for name, one in new.cases.items() if one.content is None),
        groups=_groups(both),
    )


def renamed_regions(old: Task, new: Task, pairs: Iterable[tuple[Entry, Entry]]) -> dict[str, str]:
    """Regions that are the same masks in every common case under another name."""
    labels = [(a.content.label, b.content.label) for a, b in pairs if a.content is not None and b.content is not None]
    known = [(a, b) for a, b in labels if a is not None and b is not None]
    before, after = ({region.name for region in task.regions} for task in (old, new))
    found: dict[str, str] = {}
    for name in sorted(before - after):
        for other in sorted(after - before - set(found.values())):
            same = [(a.get(name), b.get(other)) for a, b in known]
            if any(a is not None for a, _ in same) and all(a == b for a, b in same):
                found[name] = other
                break
    return found


def target_text(entry: Entry) -> str:
    """A target in a few words: "benign", "12.5, unknown", "3 boxes", "none"."""
    data = {} if entry.target is None else entry.target.model_dump(mode="json")
    if "names" in data:
        return "|".join(data["names"]) or "nothing"
    if "numbers" in data:
        return ", ".join("unknown" if number is None else f"{number:g}" for number in data["numbers"])
    return f"{len(data['boxes'])} box{'es' * (len(data['boxes']) != 1)}" if data else "none"


def _same_content(gone: Mapping[str, Entry], come: Mapping[str, Entry]) -> dict[str, str]:
    """Old names to new ones, where the voxels are the same."""
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in sorted(come):
        if come[name].content is not None:
            alike[_voxels(come[name])].append(name)
    found: dict[str, str] = {}
    for name in sorted(gone):
        entry = gone[name]
        candidates = alike.get(_voxels(entry), []) if entry.content is not None else []
        if candidates:
            best = next((other for other in candidates if _answer(come[other]) == _answer(entry)), candidates[0])
            candidates.remove(best)
            found[name] = best
    return found


def _voxels(entry: Entry) -> tuple[str, ...]:
    return entry.content.channels if entry.content is not None else ()


def _answer(entry: Entry) -> object:
    return entry.target, None if entry.content is None else entry.content.label


def _same_place(one: Entry, other: Entry) -> bool:
    assert one.content is not None and other.content is not None
    return all(abs(a - b) <= TOLERANCE for a, b in zip(one.content.affine, other.content.affine, strict=True))


def _label_changes(
    read: Mapping[str, tuple[Entry, Entry]],
    regions: Mapping[str, str],
    before: Mapping[str, str],
    measure: Measure | None,
) -> Iterable[LabelChange]:
    for name, (a, b) in read.items():
        assert a.content is not None and b.content is not None
        old, new = _named(a.content.label, regions), b.content.label
        if old == new:
            continue
        changed = sorted(one for one in {**(old or {}), **(new or {})} if (old or {}).get(one) != (new or {}).get(one))
        overlaps = None if measure is None or old is None or new is None else measure(before[name], name)
        yield LabelChange(
            case=name,
            before={one: _size(old, one) for one in changed},
            after={one: _size(new, one) for one in changed},
            overlaps={one: overlaps[one] for one in changed if one in overlaps} if overlaps else {},
        )


def _named(label: Mapping[str, Mask] | None, regions: Mapping[str, str]) -> dict[str, Mask] | None:
    return None if label is None else {regions.get(name, name): mask for name, mask in label.items()}


def _size(label: Mapping[str, Mask] | None, region: str) -> int:
    return label[region].voxels if label and region in label else 0


def _groups(both: Mapping[str, tuple[Entry, Entry]]) -> dict[str, int]:
    names = sorted({name for a, b in both.values() for name in (*a.groups, *b.groups)})
    counts = {name: sum(a.groups.get(name) != b.groups.get(name) for a, b in both.values()) for name in names}
    return {name: count for name, count in counts.items() if count}


def _asked(old: Manifest, new: Manifest, regions: Mapping[str, str]) -> Iterable[str]:
    """Differences of layout and task."""
    a, b = old.task, new.task
    rows = (
        ("layout", old.layout, new.layout),
        ("kind", a.kind, b.kind),
        ("channels", _joined(one.name for one in a.channels), _joined(one.name for one in b.channels)),
        (
            "regions",
            _joined(sorted(regions.get(one.name, one.name) for one in a.regions)),
            _joined(sorted(one.name for one in b.regions)),
        ),
        ("classes", _joined(a.classes), _joined(b.classes)),
        ("quantities", _joined(a.quantities), _joined(b.quantities)),
    )
    return (f"{what}: {before or 'none'} is now {after or 'none'}" for what, before, after in rows if before != after)


def _joined(names: Iterable[str]) -> str:
    return ", ".join(names)


def _counted(what: str, names: Iterable[str]) -> list[str]:
    """ "3 added: a, b, c"; nothing where there is none."""
    listed = list(names)
    shown = ", ".join(listed[:SHOWN]) + (f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else "")
    return [f"{len(listed)} {what}: {shown}"] if listed else []


def _label_text(one: LabelChange) -> str:
    """ "p07 (liver 100 to 120 voxels, Dice 0.91)"."""
    parts = []
    for region in sorted({*one.before, *one.after}):
        overlap = one.overlaps.get(region)
        parts.append(
            f"{region} {one.before.get(region, 0)} to {one.after.get(region, 0)} voxels"
            + (f", Dice {overlap.dice:.3f}" if overlap is not None and overlap.dice is not None else "")
        )
    return f"{one.case} ({'; '.join(parts)})"


def _label_json(one: LabelChange) -> dict[str, Any]:
    return {
        "case": one.case,
        "regions": {
            name: {
                "before": one.before.get(name, 0),
                "after": one.after.get(name, 0),
                **({"dice": found.dice, "changed_voxels": found.changed} if (found := one.overlaps.get(name)) else {}),
            }
            for name in sorted({*one.before, *one.after})
        },
    }


def _change_json(one: Change) -> dict[str, str]:
    return {"case": one.case, "before": one.before, "after": one.after}
