"""Findings judged one by one, from masks: how many lesions are found, how many false ones come with them, in which region they
are said to lie, and whether their sizes agree; of all of them, by kind and by region.

A lesion is one connected part of a mask (by faces, edges or corners). A found one is of a true one if their masks overlap by at
least HIT (intersection over union); from the most sure to the least, each takes the true one that it overlaps most, and no true
one is taken twice (`box_matching.match_boxes`, the rules of COCO). What lies where nobody judged is left out.

Source of the measures: Carass et al. 2020, Sci Rep 10:8242 (lesion-wise sensitivity and false positives); Maier-Hein et al.
2024, Nat Methods 21:195 (why masks of lesions are matched before they are counted).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from scanwright.evaluation.boxes.box_matching import match_boxes
from scanwright.evaluation.intervals.bootstrap import Estimate, Interval, Measures, number_patients, totals_by_patient
from scanwright.evaluation.intervals.proportion import share_interval
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS, SAMPLES, bootstrap_mean
from scanwright.evaluation.numbers.regression import measure_numbers
from scanwright.geometry.lying import OUTSIDE, lie_in, nesting
from scanwright.types import Bools, Floats, Ints

HIT = 0.1
"""Overlap from which on a found lesion is of a true one: outlines of small lesions differ much between readers."""
TOUCHING = np.ones((3, 3, 3), np.bool_)
BOTH = ("true", "found")
BURDEN = ("bias", "loa_low", "loa_high")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Lesions:
    """The lesions of one kind in one case, matched.

    true_sizes (T,), found_sizes (M,): in `unit`. partners (M,): the true lesion of each found one, -1 for
    none. regions: the names of those that are known. true_regions, found_regions: where each lies (`lies_in`); empty where no
    regions are known.
    """

    true_sizes: Floats
    found_sizes: Floats
    partners: Ints
    regions: tuple[str, ...] = ()
    true_regions: tuple[str, ...] = ()
    found_regions: tuple[str, ...] = ()
    unit: str = "ml"

    @property
    def hits(self) -> int:
        """True lesions that are found."""
        return int(np.count_nonzero(self.partners >= 0))

    @property
    def false(self) -> int:
        """Found lesions that are none."""
        return len(self.partners) - self.hits

    @property
    def true_burden(self) -> float:
        """The size of all true ones, in `unit`."""
        return float(self.true_sizes.sum())

    @property
    def found_burden(self) -> float:
        """The size of all found ones, in `unit`."""
        return float(self.found_sizes.sum())

    def lie_in(self, region: str | None) -> tuple[Bools, Bools]:
        """Which true ones, (T,), and which found ones, (M,), lie in a region; None: anywhere."""
        places = (self.true_regions, len(self.true_sizes)), (self.found_regions, len(self.found_sizes))
        true, found = (
            np.ones(number, np.bool_) if region is None else np.array([name == region for name in names], np.bool_)
            for names, number in places
        )
        return true, found


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LesionCase:
    """A case with its lesions by kind; kinds that nobody judged in it are left out. fold: None if not cross-validated."""

    case: str
    patient: str
    fold: int | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Lesions]


def match_lesions(
    true_IJK: Bools,
    found_IJK: Bools,
    *,
    voxel: float,
    unit: str = "ml",
    scores: Floats | None = None,
    judged: Bools | None = None,
    regions: Mapping[str, Bools] | None = None,
    found_regions: Mapping[str, Bools] | None = None,
    hit: float = HIT,
) -> Lesions:
    """Take both masks apart into lesions and match them.

    voxel: the size of one, in `unit`. scores: how sure each voxel is, whose mean orders found lesions; None: by size. judged:
    voxels that count; None: all. regions: true anatomy, and found_regions the answered one (None: the same), in which lesions
    lie.
    """
    if judged is not None:
        true_IJK, found_IJK = true_IJK & judged, found_IJK & judged
    true, num_true = ndimage.label(true_IJK, TOUCHING)
    found, num_found = ndimage.label(found_IJK, TOUCHING)
    both = np.zeros((num_found + 1, num_true + 1))
    there = (true > 0) | (found > 0)
    np.add.at(both, (found[there], true[there]), 1.0)
    sizes_true, sizes_found = both.sum(axis=0)[1:], both.sum(axis=1)[1:]
    overlap = both[1:, 1:] / np.maximum(sizes_found[:, None] + sizes_true[None] - both[1:, 1:], 1.0)
    sure = sizes_found if scores is None else ndimage.mean(scores, found, np.arange(1, num_found + 1))
    order = np.argsort(-np.asarray(sure, dtype=float).reshape(num_found), kind="stable")
    matched = match_boxes(overlap[order], np.array([hit]), ignored_T=np.zeros(num_true, np.bool_))
    partners = np.full(num_found, -1)
    partners[order] = matched.partners[0]
    answered = regions if found_regions is None else found_regions
    return Lesions(
        true_sizes=sizes_true * voxel,
        found_sizes=sizes_found * voxel,
        partners=partners,
        regions=tuple(regions or ()),
        true_regions=_places(true, regions),
        found_regions=_places(found, answered),
        unit=unit,
    )


def _places(labelled: Ints, regions: Mapping[str, Bools] | None) -> tuple[str, ...]:
    """The region that each lesion lies in (`lies_in`)."""
    if not regions:
        return ()
    there = labelled > 0
    near = {name: mask for name, mask in regions.items() if (mask & there).any()}
    return tuple(lie_in(labelled[there] - 1, {name: mask[there] for name, mask in near.items()}, nesting(near)))


def lesion_columns(cases: Sequence[Mapping[str, Lesions]]) -> tuple[list[str], list[list[str]]]:
    """Columns of cases.csv and the cells of each case: of each kind its numbers of lesions and its burden.

    cases: the lesions of each by kind. Columns are true_lesions[kind], found_lesions[kind], lesion_hits[kind],
    false_lesions[kind], and in the unit of sizes true_burden_ml[kind] and found_burden_ml[kind]; cells are empty where nobody
    judged the kind.
    """
    kinds = list(dict.fromkeys(kind for case in cases for kind in case))
    unit = next((one.unit for case in cases for one in case.values()), "")
    words = ("true_lesions", "found_lesions", "lesion_hits", "false_lesions", *(f"{of}_burden_{unit}" for of in BOTH))

    def cells(one: Lesions | None) -> list[str]:
        if one is None:
            return [""] * len(words)
        counts = len(one.true_sizes), len(one.found_sizes), one.hits, one.false
        return [*map(str, counts), *(f"{burden:.9g}" for burden in (one.true_burden, one.found_burden))]

    header = [f"{word}[{kind}]" for kind in kinds for word in words]
    return header, [[cell for kind in kinds for cell in cells(case.get(kind))] for case in cases]


def measure_lesions(
    cases: Sequence[LesionCase], kinds: Iterable[str], *, seed: int = 0, samples: int = SAMPLES
) -> tuple[Measures, dict[str, Measures]]:
    """Measures of all kinds together and of each: sensitivity, precision and F1 of lesions, false ones in the mean case, the
    share of found lesions whose region is right, and of the burden (the size of all lesions of a case) bias and limits of
    agreement; and how many lesions are true, how many of them found, and how many false.

    Cases in which nobody judged a kind are not counted for it. The unit of sizes is that of the first case. Shares have
    Wilson's interval by patient, numbers that of a bootstrap, counts none; samples: its draws, 0 for values without intervals.
    Not defined: sensitivity without a true lesion, precision without a found one, the region where none is known or nothing was
    found.
    """

    def measure(kinds: Sequence[str]) -> Measures:
        rows = [(case, _of(case, kinds)) for case in cases]
        return _measures(rows, unit=_unit(cases), seed=seed, samples=samples)

    names = list(kinds)
    return measure(names), {kind: measure([kind]) for kind in names}


def measure_regions(
    cases: Sequence[LesionCase], kinds: Sequence[str], *, seed: int = 0, samples: int = SAMPLES
) -> dict[str, Measures]:
    """The same measures of the lesions of all kinds in each region, and of those outside all under OUTSIDE; {} where no region
    is known.

    A true lesion counts where it lies, a found one where it is said to lie: sensitivity is of the true ones in a region,
    wherever the found ones are said to be; precision, false ones and found burden are of those said to be in it; the region is
    right in those of its true lesions that are found and said to be in it. F1 is the share of both that have a partner. Cases
    whose regions nobody knows are not counted.
    """
    rows = [(case, [one for one in _of(case, kinds) or () if one.regions] or None) for case in cases]
    regions = dict.fromkeys(name for _, lesions in rows for one in lesions or () for name in one.regions)
    return {
        name: _measures(rows, region=name, unit=_unit(cases), seed=seed, samples=samples)
        for name in (*regions, *([OUTSIDE] if regions else []))
    }


def _unit(cases: Sequence[LesionCase]) -> str:
    return next((one.unit for case in cases for one in case.kinds.values()), "ml")


def _of(case: LesionCase, kinds: Sequence[str]) -> list[Lesions] | None:
    """A case's lesions of these kinds; None if it was judged for none of them."""
    known = [case.kinds[kind] for kind in kinds if kind in case.kinds]
    return known or None


def _measures(
    rows: Sequence[tuple[LesionCase, list[Lesions] | None]],
    *,
    region: str | None = None,
    unit: str,
    seed: int,
    samples: int,
) -> Measures:
    """Measures of the lesions in one region, None for all of them."""
    judged = [(case, lesions) for case, lesions in rows if lesions is not None]
    counts = np.array([_counts(lesions, region) for _, lesions in judged], dtype=float).reshape(-1, 6)
    patients = [case.patient for case, _ in judged]
    sums = totals_by_patient(counts, number_patients(patients, len(judged)))
    hits, true, right, found = counts[:, :4].sum(axis=0).tolist()
    intervals = samples > 0

    def share(part: int, whole: int) -> Estimate:
        parts, wholes = sums[:, part], sums[:, whole]
        value = float(parts.sum() / wholes.sum()) if wholes.sum() else None
        reach = share_interval(parts, wholes, fewest=MIN_PATIENTS) if intervals and value is not None else None
        return Estimate(value=value, interval=reach, n=len(judged), n_defined=int(np.count_nonzero(counts[:, whole])))

    def number(value: float | None, interval: Interval | None = None) -> Estimate:
        defined = 0 if value is None else len(judged)
        return Estimate(value=value, interval=interval, n=len(judged), n_defined=defined)

    false = counts[:, 3] - counts[:, 2]
    reach = bootstrap_mean(false.tolist(), patients, seed=seed, samples=samples) if intervals and len(judged) else None
    return {
        "lesion_sensitivity": share(0, 1),
        "lesion_precision": share(2, 3),
        "lesion_f1": number((hits + right) / (true + found) if true + found else None),
        "false_lesions_per_case": number(float(false.mean()) if len(judged) else None, reach),
        "region_accuracy": share(4, 5),
        "true_lesions": number(true),
        "lesion_hits": number(hits),
        "false_lesions": number(found - right),
        **_burden(judged, patients, region=region, unit=unit, seed=seed, samples=samples),
    }


def _counts(lesions: Sequence[Lesions], region: str | None) -> list[float]:
    """Of the lesions in a region (None: anywhere): true ones that are found, true ones, found ones that are right, found ones;
    of the true ones that are found and whose region is known, those that are said to lie there, and all.
    """
    counts = np.zeros(6)
    for one in lesions:
        true, found = one.lie_in(region)
        places = np.flatnonzero(one.partners >= 0)
        partners = one.partners[places]
        told = [
            one.found_regions[place] == one.true_regions[partner]
            for place, partner in zip(places.tolist(), partners.tolist(), strict=True)
            if one.regions and true[partner]
        ]
        counts += [true[partners].sum(), true.sum(), found[places].sum(), found.sum(), sum(told), len(told)]
    return list(counts.tolist())


def _burden(
    judged: Sequence[tuple[LesionCase, list[Lesions]]],
    patients: Sequence[str],
    *,
    region: str | None,
    unit: str,
    seed: int,
    samples: int,
) -> Measures:
    """Bias and limits of agreement of the burden, found less true (Bland and Altman 1986, Lancet 1:307)."""
    if not judged:
        nothing = Estimate(value=None, interval=None, n=0, n_defined=0)
        return {f"burden_{name}_{unit}": nothing for name in BURDEN}
    sizes = [
        [
            (float(one.true_sizes[true].sum()), float(one.found_sizes[found].sum()))
            for one in lesions
            for true, found in [one.lie_in(region)]
        ]
        for _, lesions in judged
    ]
    true, found = np.array([np.sum(each, axis=0) for each in sizes]).T[:, :, None]
    measures, _ = measure_numbers(found, true, patients, seed=seed, samples=samples)
    return {f"burden_{name}_{unit}": measures[name] for name in BURDEN}
