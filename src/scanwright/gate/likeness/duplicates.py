"""Images that are nearly the same in two cases: resized, compressed, mirrored, cropped or with other grey levels.

    near-duplicate   error (policy)   of different patients, on two sides of a split that somebody else made
                     warning          of different patients otherwise; to be kept on one side: `together`
                     note             of one patient: frames of a loop, slices of a scan, follow-ups

Each says whether the classes of the two differ: then one picture was filed under two. Images with the very same voxels are
dataset.checks' duplicate-image and no finding here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from scanwright.dataset.cases import Classes, Fault
from scanwright.gate.cohort import Cohort
from scanwright.gate.likeness.alike import Likeness, alike
from scanwright.gate.likeness.signature import Signature, glance
from scanwright.gate.sides import crossing
from scanwright.types import JSON, Shape3

__all__ = ["Duplicates", "Group", "NearPair", "Signature", "find", "glance"]

WHOLE = 0.95  # of an image's area or volume: a copy that shows less of it is a crop
SAME_SCALE = 0.03  # of a voxel's edge: closer than this nothing was resized
OWN_FAULTS = 20  # groups on two sides that get a fault of their own


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two cases that show the same picture. score: their correlation once aligned, in [0, 1].

    changes: what was done to one to make the other: "cropped", "flipped along x", "inverted", "resized"; none of these:
    "re-encoded".
    """

    one: str
    other: str
    score: float
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that are linked by pairs, directly or through others; sorted. patients: how many these are."""

    cases: tuple[str, ...]
    patients: int
    pairs: tuple[NearPair, ...]


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """Near-duplicates of a cohort: groups, those of several patients first, and what is to be said about them.

    num_compared: images that were looked at. together: cases of different patients that belong on one side.
    """

    num_compared: int
    groups: tuple[Group, ...]
    faults: tuple[Fault, ...]

    @property
    def together(self) -> tuple[tuple[str, ...], ...]:
        """The cases of each group of several patients."""
        return tuple(group.cases for group in self.groups if group.patients > 1)

    def to_json(self) -> JSON:
        """Numbers and groups as plain data, without the faults."""
        return {"num_compared": self.num_compared, "groups": [asdict(group) for group in self.groups]}


def find(cohort: Cohort, signatures: Mapping[str, Signature]) -> Duplicates:
    """Compare all images of a cohort that have a signature. The same whatever their order; time as n^1.5."""
    seen = _one_of_each(cohort, signatures)
    pairs = [_described(cohort, likeness) for likeness in alike(seen)]
    groups = sorted(_groups(cohort, pairs), key=lambda group: (group.patients < 2, group.cases))
    faults = (*_across(cohort, groups), *_inside(cohort, groups), *_of_one_patient(cohort, groups))
    return Duplicates(num_compared=len(seen), groups=tuple(groups), faults=faults)


def _one_of_each(cohort: Cohort, signatures: Mapping[str, Signature]) -> dict[str, Signature]:
    """The first of all cases with the same voxels: the others are known to be its copies."""
    first: dict[tuple[str, ...], str] = {}
    for case in cohort.cases:
        if case.id in signatures:
            first.setdefault(cohort.facts[case.id].image_hashes, case.id)
    return {name: signatures[name] for name in first.values()}


def _described(cohort: Cohort, likeness: Likeness) -> NearPair:
    shapes = [_edges(cohort.facts[name].shape) for name in (likeness.source, likeness.copy)]
    changes = [
        *(["cropped"] if _is_crop(likeness) else []),
        *(f"flipped along {axis}" for axis, mirrored in zip("xyz", likeness.flipped, strict=False) if mirrored),
        *(["inverted"] if likeness.is_inverted else []),
        *(["resized"] if _is_resized(shapes[0], shapes[1], likeness) else []),
    ]
    one, other = sorted((likeness.source, likeness.copy))
    return NearPair(one, other, likeness.score, tuple(changes) or ("re-encoded",))


def _is_crop(likeness: Likeness) -> bool:
    share = 1.0
    for start, stop in zip(likeness.window.start, likeness.window.stop, strict=True):
        share *= stop - start
    return share < WHOLE


def _is_resized(source: Sequence[int], copy: Sequence[int], likeness: Likeness) -> bool:
    """Whether the copy has more or fewer voxels than the part of the source that it shows, beyond what a window may err by."""
    shares = sorted(stop - start for start, stop in zip(likeness.window.start, likeness.window.stop, strict=True))
    shown = sorted(size * share for size, share in zip(sorted(source), shares, strict=False))
    return any(abs(there / here - 1) > SAME_SCALE for there, here in zip(sorted(copy), shown, strict=False))


def _edges(shape: Shape3) -> list[int]:
    return [size for size in shape if size > 1]


def _groups(cohort: Cohort, pairs: Sequence[NearPair]) -> Iterator[Group]:
    """Cases that are linked. A group's cases of one patient count as linked too: its pairs may lie in between."""
    root = {name: name for pair in pairs for name in (pair.one, pair.other)}

    def find_root(name: str) -> str:
        while root[name] != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    for pair in pairs:
        root[find_root(pair.one)] = find_root(pair.other)
    members: dict[str, list[str]] = defaultdict(list)
    for name in sorted(root):
        members[find_root(name)].append(name)
    links: dict[str, list[NearPair]] = defaultdict(list)
    for pair in pairs:
        links[find_root(pair.one)].append(pair)
    for key, names in members.items():
        yield Group(tuple(names), len({cohort.by_id[name].patient for name in names}), tuple(links[key]))


def _across(cohort: Cohort, groups: Iterable[Group]) -> Iterator[Fault]:
    """An error for each group with cases on two sides of a given split; from OWN_FAULTS on one for all the rest."""
    found = [(group, leaks) for group in groups if (leaks := _leaks(cohort, group))]
    for group, leaks in found[:OWN_FAULTS]:
        yield _leak(cohort, [group], leaks)
    if rest := found[OWN_FAULTS:]:
        yield _leak(cohort, [group for group, _ in rest], [pair for _, leaks in rest for pair in leaks])


def _leaks(cohort: Cohort, group: Group) -> list[NearPair]:
    return [
        pair for pair in group.pairs if not _is_one_patient(cohort, pair) and crossing(cohort, pair.one, pair.other)
    ]


def _leak(cohort: Cohort, groups: Sequence[Group], leaks: Sequence[NearPair]) -> Fault:
    pair = max(leaks, key=lambda pair: pair.score)
    partition, *sides = crossing(cohort, pair.one, pair.other) or ("", "", "")
    names = sorted({name for leak in leaks for name in (leak.one, leak.other)})
    among = f"{len(groups)} more such groups, among them " if len(groups) > 1 else ""
    more = f"; {len(names)} cases in all" if len(names) > 2 else ""
    differing = _of_two_classes(cohort, leaks)
    return Fault(
        code="near-duplicate",
        severity="error",
        policy=True,
        case=names[0] if len(groups) == 1 else None,
        cases=tuple(names),
        groups=tuple(tuple(name for name in group.cases if name in names) for group in groups),
        expected="an image on one side of the split",
        found=f"{among}{pair.one} ({sides[0]}) and {pair.other} ({sides[1]}) of {partition}, nearly the same: "
        f"{_words(pair)}{more}{differing.words}",
        action=f"Put them on one side, or leave one out with --exclude.{differing.action}",
        numbers={
            "pairs": len(leaks),
            "highest_score": pair.score,
            "lowest_score": min(leak.score for leak in leaks),
            **differing.numbers,
        },
    )


def _inside(cohort: Cohort, groups: Sequence[Group]) -> Iterator[Fault]:
    """One warning for all groups of several patients that no given split sets apart."""
    found = [group for group in groups if group.patients > 1 and not _leaks(cohort, group)]
    pairs = [pair for group in found for pair in group.pairs if not _is_one_patient(cohort, pair)]
    if not pairs:
        return
    highest = max(pairs, key=lambda pair: pair.score)
    names = sorted(name for group in found for name in group.cases)
    groups_said = f"{len(found)} groups of nearly" if len(found) > 1 else "nearly"
    differing = _of_two_classes(cohort, pairs)
    yield Fault(
        code="near-duplicate",
        severity="warning",
        cases=tuple(names),
        expected="an image of its own in each case",
        found=f"{groups_said} the same images, {len(names)} cases, such as {highest.one} and {highest.other}: "
        f"{_words(highest)}{differing.words}",
        action=f"Splits made here keep each group on one side; remove what is there by mistake.{differing.action}",
        numbers={
            "groups": len(found),
            "pairs": len(pairs),
            "highest_score": highest.score,
            "lowest_score": min(pair.score for pair in pairs),
            **differing.numbers,
        },
    )


def _of_one_patient(cohort: Cohort, groups: Sequence[Group]) -> Iterator[Fault]:
    found = [group for group in groups if group.patients == 1]
    if not found:
        return
    names = sorted(name for group in found for name in group.cases)
    pairs = [pair for group in found for pair in group.pairs]
    differing = _of_two_classes(cohort, pairs)
    yield Fault(
        code="near-duplicate",
        severity="note",
        cases=tuple(names),
        found=f"{len(names)} images are nearly the same as others of their patient{differing.words}",
        action=differing.action.strip(),
        numbers={"groups": len(found), "pairs": len(pairs), **differing.numbers},
    )


@dataclass(frozen=True, slots=True)
class Differing:
    """What a finding says of pairs whose classes differ; nothing at all if there is none."""

    words: str = ""
    action: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)


def _of_two_classes(cohort: Cohort, pairs: Sequence[NearPair]) -> Differing:
    """Pairs of which one is filed under other classes than the other; of a case without classes nothing is known."""
    found = []
    for pair in pairs:
        one, other = (cohort.by_id[name].target for name in (pair.one, pair.other))
        if isinstance(one, Classes) and isinstance(other, Classes) and one.contradicts(other):
            found.append((pair.score, f"{pair.one} ({_named(one)}) and {pair.other} ({_named(other)})"))
    if not found:
        return Differing()
    many = f"{len(found)} pairs, such as " if len(found) > 1 else ""
    return Differing(
        words=f"; the classes differ: {many}{max(found)[1]}",
        action=" Find out which class is right.",
        numbers={"pairs_of_two_classes": len(found)},
    )


def _named(classes: Classes) -> str:
    return " and ".join(classes.names) or "none"


def _is_one_patient(cohort: Cohort, pair: NearPair) -> bool:
    return cohort.by_id[pair.one].patient == cohort.by_id[pair.other].patient


def _words(pair: NearPair) -> str:
    return f"{', '.join(pair.changes)}, correlation {pair.score:.2f}"
