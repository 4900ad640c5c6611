"""Labels that do not lie where their image's anatomy is: moved by a voxel or less, or drawn on another image.

Nothing is known of what the edges of a label should look like; but of every case it is known what they look like when the
label is moved (edges.MOVES). From the other patients' edges a linear model learns to tell by how much a label is moved along
each axis, and another one whether a label is at its place at all. Each then judges the cases that it has not learned from:
five groups of patients, each judged by a model of the other four. A case stands out if it lies far from the cohort's median,
measured in the cohort's own spread (median absolute deviation): where edges say little, as those of a tumour in muscle, that
spread is large and the model is silent.

Measured by planting faults, 20 of each kind (benchmarks/planted_labels.py). In 260 hippocampi of 1 mm a label moved by one
voxel is found in 80 %, by two or three in all, another case's in 90 %; half a voxel in 5 %: the labels themselves lie some 0.2
voxels off. Three cases of that set are named as they are, by 0.8 to 0.9 voxels; to the eye one of them lies too low, the two
others may. In 37 phantoms, whose edges are sharp, one voxel is found in all (MR) or 95 % (CT), half of one in 55 and 10 %.
In 44 chest X-rays, where a voxel of the edges is a dozen pixels, 15 % are found and in tumours (29 CT, 98 ultrasound) none:
that a label is not named there does not mean that it is right. A shift that all cases share is not seen at all. The limits
were chosen so that these sets, taken as clean, are nearly silent.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.gate.labels.edges import FAR, MOVES, NEAR
from scanwright.gate.labels.shape import LabelShape
from scanwright.gate.outliers import in_wide_spreads
from scanwright.types import Floats, Ints, Triple

GROUPS = 5
LEAST_CASES = 12  # of fewer, a model of so many numbers learns nothing that holds for the next case
MOST_NUMBERS = 8 << 20  # moved labels times features that a model learns from: a second for 600 cases of two parts
RIDGE = 1.0  # of standardised features; 0.1 to 1 find equally much
CLIP = 5.0  # standard deviations
LEAST_RECOVERED = 0.5  # share of a planted move that the model sees; below, an axis is not judged
LEAST_MOVE = 0.35  # voxels of the edges
LEAST_SPREADS = 3.5  # and by 1 / sqrt(cases) more of it: so uncertain is the spread of few cases

MOVES_XYZ = np.array(MOVES, float)
IS_NEAR = np.abs(MOVES_XYZ).max(axis=1) <= NEAR
CLOSENESS = np.maximum(0, 1 - np.linalg.norm(MOVES_XYZ, axis=1) / FAR)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one case's label lies by its edges.

    move: by how many of the file's voxels it lies off, along X, Y, Z; 0 along axes that cannot be judged. The models learn from
        moves of one voxel, and see less of a larger one than there is: two look like one.
    spreads: the largest of these over the cohort's spread along its axis, of those of 0.35 voxels of the edges or more;
        else 0.
    astray: how far its edges are less like edges than the cohort's median is, in the cohort's spreads; about 0 for most,
        far more for a label of another image. mended: the same if the label is moved by a voxel in the best direction.
    limit: in spreads, from which on a case stands out: 3.5, and more in a small cohort.
    """

    move: Triple
    spreads: float
    astray: float
    mended: float
    limit: float

    @property
    def is_moved(self) -> bool:
        """Whether the label lies far more off than those of its fellows, and is not another one's."""
        return not self.is_astray and max(self.spreads, self.astray) >= self.limit

    @property
    def is_astray(self) -> bool:
        """Whether the label's edges are unlike those of its fellows, and no move of a voxel makes them like."""
        return min(self.astray, self.mended) >= self.limit


def placements(shapes: Mapping[str, LabelShape], patients: Mapping[str, str]) -> dict[str, Placement]:
    """Judge every case by what the labels of other patients look like at their place and when they are moved.

    Cases whose edges are of another kind than most (a slice among volumes) are left out; nothing is judged of fewer than 12
    cases, or where no edge is to be seen. The same whatever the order of cases.
    """
    kinds = Counter(shape.edges.shape for shape in shapes.values())
    if not kinds:
        return {}
    kind, number = max(kinds.items(), key=lambda item: (item[1], item[0]))
    names = sorted(name for name, shape in shapes.items() if shape.edges.shape == kind)
    if number < LEAST_CASES or not kind[1]:
        return {}
    edges = np.stack([shapes[name].edges for name in names]).astype(np.float32)  # (cases, moves, features)
    found = _predicted(edges, _groups([patients[name] for name in names]))
    moves, spreads = _moves(found[..., :3])
    astray, mended = _astray(found[:, IS_NEAR, 3])
    steps = np.array([shapes[name].step for name in names])
    limit = LEAST_SPREADS * (1 + number**-0.5)
    return {
        name: Placement(_triple(move * step), float(spread), float(own), float(best), limit)
        for name, move, step, spread, own, best in zip(names, moves, steps, spreads, astray, mended, strict=True)
    }


def _groups(patients: Sequence[str]) -> Ints:
    """The group of each case; all of a patient are in one."""
    order = {patient: number % GROUPS for number, patient in enumerate(sorted(set(patients)))}
    return np.array([order[patient] for patient in patients])


def _predicted(edges: Floats, groups: Ints) -> Floats:
    """(cases, moves, 4): the move along X, Y, Z and the closeness to the label's place, as models of other groups see them."""
    num_features = edges.shape[2]
    found = np.zeros((*edges.shape[:2], 4))
    for group in sorted(set(groups.tolist())):
        own, others = groups == group, edges[groups != group]
        if not len(others):
            continue
        others = others[:: -(-others.size // MOST_NUMBERS)]
        mean, spread = _scale(others.reshape(-1, num_features))
        scaled, known = ((np.nan_to_num((some - mean) / spread).clip(-CLIP, CLIP)) for some in (edges[own], others))
        moved = _ridge(known[:, IS_NEAR], MOVES_XYZ[IS_NEAR])
        close = _ridge(known, CLOSENESS[:, None])
        found[own] = np.concatenate([moved(scaled), close(scaled)], axis=-1)
    return found


def _scale(rows: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each feature over the rows that know it; 0 and a millionth where none does."""
    known = np.isfinite(rows)
    number = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, rows, 0).sum(axis=0) / number
    return mean, np.sqrt((np.where(known, rows - mean, 0) ** 2).sum(axis=0) / number) + 1e-6


def _ridge(features: Floats, targets: Floats) -> Callable[[Floats], Floats]:
    """A linear model of (cases, moves, features) for (moves, targets), the same for each case; ridge regression."""
    rows = features.reshape(-1, features.shape[-1])
    middle = targets.mean(axis=0)
    wanted = np.tile(targets - middle, (len(features), 1))
    if rows.shape[0] < rows.shape[1]:  # fewer equations than unknowns: solve the dual
        inner = rows @ rows.T
        inner[np.diag_indices_from(inner)] += RIDGE * len(rows)
        weights = rows.T @ np.linalg.solve(inner, wanted)
    else:
        inner = rows.T @ rows
        inner[np.diag_indices_from(inner)] += RIDGE * len(rows)
        weights = np.linalg.solve(inner, rows.T @ wanted)
    return lambda others: others @ weights + middle


def _moves(found: Floats) -> tuple[Floats, Floats]:
    """(cases, 3) moves in voxels of the edges, and for each case the largest of them in the cohort's spreads (see Placement).

    found: (cases, moves, 3) as the models see them. What they see of a planted move of one voxel is taken as one voxel.
    """
    moves, spreads = np.zeros(found[:, 0].shape), np.zeros(len(found))
    for axis in range(3):
        up, down = (int(np.flatnonzero(MOVES_XYZ @ np.eye(3)[axis] == sign * NEAR)[0]) for sign in (1, -1))
        recovered = float(np.median(found[:, up, axis] - found[:, down, axis])) / (2 * NEAR)
        if recovered >= LEAST_RECOVERED:
            own = found[:, 0, axis]
            moves[:, axis] = (own - np.median(own)) / recovered
            is_far = np.abs(moves[:, axis]) >= LEAST_MOVE
            spreads = np.maximum(spreads, np.where(is_far, np.abs(in_wide_spreads(own)), 0))
    return moves, spreads


def _astray(closeness: Floats) -> tuple[Floats, Floats]:
    """How far below the cohort's median each case's closeness is, in spreads: at its place, and after the best near move.

    closeness: (cases, near moves), the first at the label's place.
    """
    own = closeness[:, 0]
    astray = in_wide_spreads(-own)
    per_spread = np.ptp(astray) / max(float(np.ptp(own)), 1e-9)
    return astray, astray - (closeness.max(axis=1) - own) * per_spread


def _triple(values: Floats) -> Triple:
    x, y, z = values.tolist()
    return x, y, z
