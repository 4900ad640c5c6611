"""Which images of many show the same picture: candidates by descriptor, each then laid over the other and correlated.

Where the limits come from: copies planted in 556 real pictures (flip, crop to 0.8 of each side, resizing, gamma, linear change
of grey levels, inversion, JPEG of quality 30 to 90) scored 0.935 and more in 98 of 100 cases; the most alike others at most
0.65 among chest radiographs, 0.75 among hippocampus crops, 0.59 among CT. Of pictures of 28 x 28 pixels hardly a detail is
left: copies scored 0.88 and more in 95 of 100 cases, but other radiographs up to 0.956. So a small image also has to stand out
from all others that are like it (runners_up.py), where it does not score 0.96 (benchmarks/near_duplicates.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scanwright.gate.likeness.alignment import COARSE, FINE, FINE_SMALL, Stage, align
from scanwright.gate.likeness.descriptors import Window, describe, flips, learned_distance, likeliest_flips, windows
from scanwright.gate.likeness.neighbours import nearest
from scanwright.gate.likeness.runners_up import second_others
from scanwright.gate.likeness.signature import Signature
from scanwright.types import Array, Bools, Floats, Ints

CANDIDATES = {2: 6, 3: 3}  # other images that each is compared with, in two and in three dimensions
DESCRIBED_AT_ONCE = 4096  # pairs
MOST_ALIKE = 0.9999
LEAST_DESCRIBED = 0.65  # a candidate is dropped below this likeness of descriptors
AT_ONCE = {2: 64, 3: 8}  # pairs aligned together: what stays in a processor's cache


@dataclass(frozen=True, slots=True)
class Rule:
    """How two images are compared, and from which score on they are called the same picture; `coarse` is asked first.

    likely, ahead: also called so from this score on, if it is so far ahead of both images' scores with others, in Fisher's z.
    """

    stage: Stage
    coarse: float
    same: float
    likely: float = 1.0
    ahead: float = 0.0


USUAL, SMALL = Rule(FINE, 0.85, 0.9), Rule(FINE_SMALL, 0.85, 0.96, likely=0.85, ahead=0.5)


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two images that show the same picture.

    score: correlation of the two once aligned, band-passed, in [0, 1]. window: the part of `source` that `copy` shows.
    flipped: the canonical axes along which one is mirrored. is_inverted: whether light and dark are exchanged.
    """

    source: str
    copy: str
    score: float
    window: Window
    flipped: tuple[bool, ...]
    is_inverted: bool


def alike(signatures: Mapping[str, Signature]) -> list[Likeness]:
    """All pairs of images of one dimension found to be the same picture, each once, sorted by names.

    Blank images are left out. Time grows with the number of images to the power of 1.5. The same whatever their order.
    """
    found: list[Likeness] = []
    for dimension in (2, 3):
        names = sorted(
            name for name, seen in signatures.items() if not seen.is_blank and seen.thumbnail.ndim == dimension
        )
        if len(names) > 1:
            found += _alike_of(names, [signatures[name] for name in names], dimension)
    best: dict[tuple[str, str], Likeness] = {}
    for pair in found:
        key = min(pair.source, pair.copy), max(pair.source, pair.copy)
        if key not in best or pair.score > best[key].score:
            best[key] = pair
    return [best[key] for key in sorted(best)]


def compare(pairs: Sequence[tuple[Signature, Signature]]) -> Floats:
    """The score of each pair, in [0, 1], laid over each other as they are: for images that are expected to be alike."""
    scores = np.zeros(len(pairs), np.float32)
    for number, (one, other) in enumerate(pairs):
        if one.thumbnail.shape == other.thumbnail.shape and not one.is_blank and not other.is_blank:
            whole = windows(one.thumbnail.ndim)[0]
            edges = np.array([whole.start], np.float32), np.array([whole.stop], np.float32)
            score, *_ = align(one.thumbnail[None], other.thumbnail[None], *edges, FINE)
            scores[number] = max(0.0, float(score[0]))
    return scores


def _alike_of(names: Sequence[str], seen: Sequence[Signature], dimension: int) -> list[Likeness]:
    thumbnails = np.stack([signature.thumbnail for signature in seen])
    small = np.array([signature.is_small for signature in seen])
    parts = windows(dimension)
    described = describe(thumbnails, parts)
    entries = described.reshape(-1, described.shape[-1])
    owners = np.repeat(np.arange(len(names)), len(parts))
    points = np.abs(entries) @ learned_distance(thumbnails, described)
    copy, entry = nearest(points, owners, points[:: len(parts)], count=CANDIDATES[dimension])
    source = owners[entry]
    window, flip, likeness = _best_windows(described, source, copy, dimension)
    kept = np.abs(likeness) >= LEAST_DESCRIBED
    pairs = _Pairs(
        source=source[kept],
        copy=copy[kept],
        starts=np.array([part.start for part in parts], np.float32)[window[kept]],
        stops=np.array([part.stop for part in parts], np.float32)[window[kept]],
        flip=flip[kept],
        inverted=likeness[kept] < 0,
    )
    pairs, coarse = pairs.aligned(thumbnails, COARSE)
    of_small = small[pairs.source] | small[pairs.copy]
    found: list[Likeness] = []
    for rule, chosen in ((USUAL, ~of_small), (SMALL, of_small)):
        close, scores = pairs.only(chosen & (coarse >= rule.coarse)).aligned(thumbnails, rule.stage)
        same = (scores >= rule.same) | ((scores >= rule.likely) & (_ahead(close, scores) >= rule.ahead))
        found += close.only(same).named(names, scores[same])
    return found


def _ahead(pairs: "_Pairs", scores: Floats) -> Floats:
    """How far each score is ahead of those with third images, in Fisher's z."""
    others = second_others(pairs.source, pairs.copy, scores)
    one, other = (np.arctanh(np.clip(values, 0, MOST_ALIKE)) for values in (scores, others))
    return np.asarray(one - other)


def _best_windows(described: Floats, source: Ints, copy: Ints, dimension: int) -> tuple[Ints, Ints, Floats]:
    """For each pair the window of the source that the whole copy is most like, how it is mirrored, and how alike they are."""
    count = described.shape[1]
    window, flip = np.empty(len(source), np.intp), np.empty(len(source), np.intp)
    likeness = np.empty(len(source), np.float32)
    for begin in range(0, len(source), DESCRIBED_AT_ONCE):
        part = slice(begin, begin + DESCRIBED_AT_ONCE)
        theirs = described[source[part]]
        mine = np.repeat(described[copy[part], 0], count, axis=0)
        flips_found, alike_found = likeliest_flips(mine, theirs.reshape(len(mine), -1), dimension)
        best = np.abs(alike_found).reshape(-1, count).argmax(axis=1)
        at = np.arange(len(best)) * count + best
        window[part], flip[part], likeness[part] = best, flips_found[at], alike_found[at]
    return window, flip, likeness


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs as columns: numbers of images, the windows of the sources, numbers of `flips`, whether inverted."""

    source: Ints
    copy: Ints
    starts: Floats
    stops: Floats
    flip: Ints
    inverted: Bools

    def only(self, chosen: Bools) -> "_Pairs":
        return _Pairs(
            self.source[chosen],
            self.copy[chosen],
            self.starts[chosen],
            self.stops[chosen],
            self.flip[chosen],
            self.inverted[chosen],
        )

    def aligned(self, thumbnails: Array, stage: Stage) -> tuple["_Pairs", Floats]:
        """The same pairs with better windows, and their scores."""
        scores, starts, stops = np.empty(len(self.source), np.float32), self.starts.copy(), self.stops.copy()
        axes, step = starts.shape[1], AT_ONCE[starts.shape[1]]
        for begin in range(0, len(scores), step):
            part = slice(begin, begin + step)
            copies = _turned(thumbnails[self.copy[part]], self.flip[part], self.inverted[part], axes)
            scores[part], starts[part], stops[part] = align(
                thumbnails[self.source[part]], copies, starts[part], stops[part], stage
            )
        return _Pairs(self.source, self.copy, starts, stops, self.flip, self.inverted), scores

    def named(self, names: Sequence[str], scores: Floats) -> list[Likeness]:
        turns = flips(self.starts.shape[1])
        return [
            Likeness(
                source=names[self.source[row]],
                copy=names[self.copy[row]],
                score=round(float(min(scores[row], 1.0)), 4),
                window=Window(tuple(self.starts[row].tolist()), tuple(self.stops[row].tolist())),
                flipped=turns[self.flip[row]],
                is_inverted=bool(self.inverted[row]),
            )
            for row in range(len(scores))
        ]


def _turned(thumbnails: Array, flip: Ints, inverted: Bools, axes: int) -> Array:
    """Thumbnails (N, …) mirrored and inverted as each has been found to be."""
    turned = thumbnails.copy()
    for number, mirrored in enumerate(flips(axes)):
        rows = flip == number
        turned[rows] = np.flip(turned[rows], tuple(axis + 1 for axis in range(axes) if mirrored[axis]))
    turned[inverted] = 255 - turned[inverted]
    return turned
