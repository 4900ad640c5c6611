"""A case unlike its fellows: axes, spacing, and a label that is cut, scattered, turned, renumbered, interpolated or misplaced.

    orientation-outlier  warning  axes stored in an order that hardly any others have (gate.outliers)
    spacing-outlier      warning  voxels of a size that hardly any others are near to (gate.outliers)
    label-cut            warning  a large section of a label at the image's border, where that is not usual (extent.py)
                         note     the same where it is usual: a spine in an abdominal scan
    label-at-border      note     a label that merely reaches the border, where that is not usual
    label-island         warning  a small piece far from the rest, where others have none (extent.py)
    label-mirrored       warning  parts that fit the cohort only as a mirror image (arrangement.py)
    label-renumbered     warning  parts that fit the cohort only in another order (arrangement.py)
    label-interpolated   warning  thin shells of other values between parts that do not follow each other (interpolation.py)
    label-shifted        warning  edges that lie off the image's by a third of a voxel or more (placement.py)
    label-repeated       warning  the same label in cases whose images differ (repeated.py)
    label-misfit         warning  edges that are not the image's: another case's label (placement.py)

All is judged against the cohort, in robust spreads, and needs 8 cases (the last two 12). One finding for each code, with all
cases that it concerns. A case that is turned or renumbered is not said to be misplaced as well.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from scanwright.dataset.cases import Fault, Severity
from scanwright.gate.cohort import Cohort
from scanwright.gate.labels.arrangement import Misarranged, misarranged
from scanwright.gate.labels.extent import AtBorder, at_border, far_islands
from scanwright.gate.labels.interpolation import interpolated
from scanwright.gate.labels.placement import Placement, placements
from scanwright.gate.labels.repeated import repeated
from scanwright.gate.labels.shape import LabelShape
from scanwright.gate.labels.view import part_names, part_values
from scanwright.gate.outliers import SHOWN, named, odd_orientations, odd_spacings
from scanwright.io.source import place_of
from scanwright.types import JSON

TURNS = ("left and right swapped", "front and back swapped", "upside down")


@dataclass(frozen=True, kw_only=True)
class Integrity:
    """What the labels of a data set show when they are held against each other.

    faults: see above. orientations: how many cases have each. judged: cases whose label was looked at. reaching: for each
    part and face of the image how many labels reach it and how many are cut by it: ("liver", "superior", 13, 3). placed:
    where each label lies by its edges; empty where that cannot be judged.
    """

    faults: tuple[Fault, ...]
    orientations: Mapping[str, int]
    judged: int
    reaching: tuple[tuple[str, str, int, int], ...]
    placed: Mapping[str, Placement]

    def to_json(self) -> JSON:
        """Plain data; the faults, which are listed elsewhere, left out."""
        return {
            "orientations": dict(self.orientations),
            "judged": self.judged,
            "reaching": [dict(zip(("part", "face", "cases", "cut"), row, strict=True)) for row in self.reaching],
            "placed": {name: asdict(one) for name, one in self.placed.items()},
        }


def find(cohort: Cohort, glances: Mapping[str, LabelShape], *, copies: Iterable[Iterable[str]] = ()) -> Integrity:
    """Hold the cases of a cohort against each other. glances: those of cases with a label; the order does not matter.

    copies: groups of cases that show nearly the same image, and so may have one label.
    """
    shapes = {case.id: glances[case.id] for case in cohort.cases if case.id in glances}
    task = cohort.dataset.task
    values, names = part_values(task), part_names(task)
    borders = at_border(shapes)
    turned = misarranged(shapes)
    blurred = interpolated(shapes, values)
    placed = placements(shapes, {case.id: case.patient for case in cohort.cases})
    misplaced = {name: one for name, one in placed.items() if name not in turned and name not in blurred}
    writer = _Writer(cohort, shapes, names)
    faults = (
        *odd_orientations(cohort.facts),
        *odd_spacings(cohort.facts),
        *writer.cut(borders),
        *writer.islands(),
        *writer.turned(turned),
        *writer.interpolated(blurred),
        *writer.repeated(repeated(cohort, copies)),
        *writer.misplaced(misplaced),
    )
    return Integrity(
        faults=faults,
        orientations=Counter(sorted(one.orientation for one in cohort.facts.values())),
        judged=len(shapes),
        reaching=_reaching(borders, shapes, names),
        placed=placed,
    )


def _reaching(
    borders: Iterable[AtBorder], shapes: Mapping[str, LabelShape], names: Sequence[str]
) -> tuple[tuple[str, str, int, int], ...]:
    reached: Counter[tuple[str, str]] = Counter()
    cut: Counter[tuple[str, str]] = Counter()
    for one in borders:
        key = names[one.part], shapes[one.case].faces[one.touch.axis][one.touch.upper]
        reached[key] += 1
        cut[key] += one.is_cut
    return tuple((*key, reached[key], cut[key]) for key in sorted(reached))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Puts findings into words."""

    cohort: Cohort
    shapes: Mapping[str, LabelShape]
    names: Sequence[str]

    def cut(self, borders: Sequence[AtBorder]) -> Iterator[Fault]:
        """What is cut by the image's border, or reaches it."""
        kinds: tuple[tuple[str, Severity, str, list[AtBorder], str], ...] = (
            (
                "label-cut", "warning", "the whole of what is labelled inside the image",
                [one for one in borders if one.is_cut and not one.is_usual],
                "Its volume is not the anatomy's: look at the case, and leave it out where the whole is to be measured.",
            ),
            (
                "label-cut", "note", "",
                [one for one in borders if one.is_cut and one.is_usual],
                "Volumes of such labels are those of the part in view.",
            ),
            (
                "label-at-border", "note", "",
                [one for one in borders if not one.is_cut and not one.is_usual],
                "Look whether the field of view ends too early.",
            ),
        )  # fmt: skip
        for code, severity, expected, those, action in kinds:
            where = Counter(
                f"{self.names[one.part]} at the {self.shapes[one.case].faces[one.touch.axis][one.touch.upper]} face"
                for one in those
            )
            cases = sorted({one.case for one in those})
            words = ", ".join(f"{word} ({number})" for word, number in where.most_common(SHOWN))
            size = "with a large section" if code == "label-cut" else "barely"
            yield from self._fault(
                code,
                cases,
                severity=severity,
                expected=expected,
                found=f"{words}, {size}, in {self._of(cases)}",
                action=action,
                numbers={"largest_section": max((one.touch.share for one in those), default=0.0)},
            )

    def islands(self) -> Iterator[Fault]:
        """Small pieces far from the rest."""
        far = {one.case: one for one in far_islands(self.shapes)}
        shown = ", ".join(
            f"{self.names[one.part]}: {one.island.share:.1%} of it, {one.island.gap:.2f} of its size away in {name}"
            for name, one in list(far.items())[:SHOWN]
        )
        yield from self._fault(
            "label-island",
            far,
            expected="labels in one place, as in the other cases",
            found=shown,
            action="Look at the small pieces: a slip of the hand is removed, a second finding stays.",
            numbers={"farthest": max((one.island.gap for one in far.values()), default=0.0)},
        )

    def turned(self, turned: Mapping[str, Misarranged]) -> Iterator[Fault]:
        """Mirror images and other numberings."""
        mirrored = {name: TURNS[one.axis] for name, one in turned.items() if one.axis is not None}
        renumbered = {
            name: ", ".join(f"{self.names[a]} looks like {self.names[b]}" for a, b in one.order if a != b)
            for name, one in turned.items()
            if one.kind == "renumbered"
        }
        yield from self._fault(
            "label-mirrored",
            mirrored,
            expected="the parts of a label where the other cases have them",
            found=", ".join(f"{words} in {name}" for name, words in list(mirrored.items())[:SHOWN]),
            action="Compare image and label in a viewer; if both are turned, the header is wrong.",
        )
        yield from self._fault(
            "label-renumbered",
            renumbered,
            expected="one meaning of each label value in all cases",
            found="; ".join(f"{name}: {words}" for name, words in list(renumbered.items())[:SHOWN]),
            action="Compare the label's values with those of another case, and number them alike.",
        )

    def interpolated(self, blurred: Mapping[str, float]) -> Iterator[Fault]:
        """Values between two parts."""
        yield from self._fault(
            "label-interpolated",
            blurred,
            expected="parts that border on background and each other as in the other cases",
            found=f"the values between two parts all around one of them, in {self._of(blurred)}",
            action="Save the label anew without interpolation (nearest neighbour).",
        )

    def repeated(self, groups: Sequence[tuple[str, ...]]) -> Iterator[Fault]:
        """One label in several cases."""
        shown = ", ".join(" and ".join(group) for group in groups[:SHOWN])
        more = f" and {len(groups) - SHOWN} more" if len(groups) > SHOWN else ""
        yield from self._fault(
            "label-repeated",
            (case for group in groups for case in group),
            expected="a label of its own for each image",
            found=f"the very same label in {shown}{more}",
            action="Look which image it belongs to, and give the other one its own.",
        )

    def misplaced(self, placed: Mapping[str, Placement]) -> Iterator[Fault]:
        """Labels off their image, and labels of another image."""
        moved = {name: one for name, one in placed.items() if one.is_moved}
        astray = {name: one for name, one in placed.items() if one.is_astray}
        shown = ", ".join(
            f"{self.shapes[name].move_text(one.move)} in {name}" for name, one in list(moved.items())[:SHOWN]
        )
        yield from self._fault(
            "label-shifted",
            moved,
            expected="labels whose edges lie on the image's, as in the other cases",
            found=shown,
            action="Look at the label over its image; half a voxel or a whole one is a question of headers and resampling.",
            numbers={"largest_in_spreads": max((one.spreads for one in moved.values()), default=0.0)},
        )
        yield from self._fault(
            "label-misfit",
            astray,
            expected="labels whose edges are seen in the image, as in the other cases",
            found=f"edges unlike all others' in {self._of(astray)}",
            action="Check that the label belongs to the image, and lies where it was drawn.",
            numbers={"largest_in_spreads": max((one.astray for one in astray.values()), default=0.0)},
        )

    def _of(self, cases: Iterable[str]) -> str:
        listed = list(cases)
        return f"{len(listed)} of {len(self.shapes)} labels: {named(listed)}"

    def _fault(
        self,
        code: str,
        cases: Iterable[str],
        *,
        severity: Severity = "warning",
        expected: str,
        found: str,
        action: str,
        numbers: Mapping[str, float] | None = None,
    ) -> Iterator[Fault]:
        """One finding for all cases that it concerns; nothing if there is none."""
        listed = sorted(set(cases))
        if not listed:
            return
        label = self.cohort.by_id[listed[0]].label
        alone = len(listed) == 1
        counts = {"cases": float(len(listed)), "of": float(len(self.shapes))}
        yield Fault(
            code=code,
            severity=severity,
            case=listed[0] if alone else None,
            file=place_of(label) if alone and label is not None else None,
            cases=tuple(listed),
            expected=expected,
            found=found,
            action=action,
            numbers={**counts, **{name: round(value, 3) for name, value in (numbers or {}).items()}},
        )
