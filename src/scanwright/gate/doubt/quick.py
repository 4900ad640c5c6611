"""Quick cross-validated models: what a model that has not seen a case makes of it, in seconds and not in hours.

    classes    two logistic regressions, whose answers are multiplied: on outlines and on textures of the coarse image, as
               `features.fixed` has them
    masks      gradient-boosted trees on each coarse voxel: grey values at five scales and around it, its place, and how
               often each label lies there in the other cases (an atlas)

Both are far from what training reaches. They serve to find labels that stand out, not to tell how well a task can be learned.
Measured on the labelled folders (median Dice out of fold): hippocampus 0.81, chest X-rays 0.82, breast lesions 0.64; mean AUC
with outlines, textures, and both: BreastMNIST 0.82, 0.81, 0.84; PneumoniaMNIST 0.97, 0.95, 0.97; BUSI 0.80, 0.91, 0.91.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from scanwright.features.fixed import SCALES
from scanwright.protocols import IGNORE
from scanwright.runtime import generator
from scanwright.types import Array, Bools, Floats, Ints

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

FOLDS = 3
COMPONENTS, CASES_EACH = 64, 5  # at most, and cases for each: more of them are noise
INDEPENDENCE, LEAST_PROBABLE = 0.75, 1e-6
REACH = (3, 6)
FEWEST_ROUNDS, MOST_ROUNDS, TREES = 15, 60, 180
LEARNED_VOXELS, LEAST_VOXELS = 200_000, 200
CERTAIN = 0.995  # share of cases in which a place is background from which on it is not asked


def folds_of(strata: Sequence[int] | Ints, patients: Sequence[str], *, seed: int = 0) -> Ints:
    """The fold of each case, 0 to 2: no patient in two, each stratum spread over all of them as far as patients allow."""
    from sklearn.model_selection import StratifiedGroupKFold  # here, so that nobody else waits for it

    home = np.zeros(len(patients), dtype=np.int64)
    dealer = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for fold, (_, judged) in enumerate(dealer.split(np.zeros(len(patients)), strata, patients)):
        home[judged] = fold
    return home


def class_probabilities(features: Sequence[Floats], codes: Ints, home: Ints) -> Floats:
    """(N, K) probabilities of each case's classes from models of the other folds; a class that those lack has 0.

    features: (N, F) of each kind; each has a model of its own. Their answers are multiplied as if they were nearly
    independent: each counts for three quarters, and what they all have from the classes' frequencies counts once.
    """
    frequency = np.bincount(codes) / len(codes)
    logs = sum(np.log(np.clip(_of_one_kind(one, codes, home), LEAST_PROBABLE, 1)) for one in features)
    together = INDEPENDENCE * logs - (INDEPENDENCE * len(features) - 1) * np.log(np.clip(frequency, LEAST_PROBABLE, 1))
    shares = np.exp(together - together.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _of_one_kind(features_NF: Floats, codes: Ints, home: Ints) -> Floats:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = np.zeros((len(codes), int(codes.max()) + 1))
    for fold in range(FOLDS):
        learned, judged = home != fold, home == fold
        if not judged.any() or len(set(codes[learned].tolist())) < 2:
            found[judged] = np.bincount(codes[learned], minlength=found.shape[1]) / max(1, learned.sum())
            continue
        components = min(COMPONENTS, max(1, int(learned.sum()) // CASES_EACH), features_NF.shape[1])
        model = make_pipeline(
            StandardScaler(),
            PCA(components, random_state=0),
            StandardScaler(),
            LogisticRegression(C=0.05, max_iter=500),
        )
        model.fit(features_NF[learned], codes[learned])
        found[np.ix_(judged, model.classes_)] = model.predict_proba(features_NF[judged])
    return found


def number_answers(features_NF: Floats, truth_N: Floats, home: Ints) -> Floats:
    """(N,) a number for each case from a ridge regression on the other folds."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    answers = np.zeros(len(truth_N))
    for fold in range(FOLDS):
        model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 5, 11)))
        model.fit(features_NF[home != fold], truth_N[home != fold])
        answers[home == fold] = model.predict(features_NF[home == fold])
    return answers


def mask_answers(images_NCXYZ: Array, codes_NXYZ: Array, home: Ints, *, seed: int = 0) -> tuple[Array, Floats]:
    """Codes (N, X, Y, Z) from models of the other folds, and how sure each is: the mean probability of what was answered as
    foreground, in [0, 1], 1 where nothing was. Voxels to be ignored are not learned from."""
    answers = np.zeros(codes_NXYZ.shape, dtype=np.uint8)
    sureness = np.ones(len(codes_NXYZ))
    for fold in range(FOLDS):
        learned, judged = np.flatnonzero(home != fold), np.flatnonzero(home == fold)
        if not len(learned) or not len(judged):
            continue
        atlas = _atlas(codes_NXYZ, learned)
        model = _learned(images_NCXYZ, codes_NXYZ, learned, atlas, seed=seed + fold)
        if model is None:
            continue
        asked = (atlas[..., 0] < CERTAIN).ravel()
        for index in judged:
            maps = model.predict_proba(_voxels(images_NCXYZ[index], atlas)[asked])
            answer = np.zeros(asked.size, dtype=np.uint8)
            answer[asked] = model.classes_[maps.argmax(axis=1)]
            answers[index] = answer.reshape(codes_NXYZ.shape[1:])
            found = maps.max(axis=1)[answer[asked] > 0]
            sureness[index] = float(found.mean()) if found.size else 1.0
    return answers, sureness


def _atlas(codes_NXYZ: Array, learned: Ints) -> Floats:
    """(X, Y, Z, codes) share of the learned cases with each code at a place."""
    highest = int(codes_NXYZ[codes_NXYZ != IGNORE].max(initial=0))
    sums = [np.zeros(codes_NXYZ.shape[1:], dtype=np.float32) for _ in range(highest + 1)]
    for index in learned:
        for code, total in enumerate(sums):
            total += codes_NXYZ[index] == code
    return np.stack(sums, axis=-1) / np.float32(len(learned))


def _learned(
    images_NCXYZ: Array, codes_NXYZ: Array, learned: Ints, atlas: Floats, *, seed: int
) -> "HistGradientBoostingClassifier | None":
    """A model of the learned cases: a third each of its voxels from structures, from around them, from anywhere."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    each = max(LEAST_VOXELS, LEARNED_VOXELS // len(learned)) // 3
    near = (atlas[..., 0] < CERTAIN).ravel()
    rows, codes = [], []
    for index in learned:
        labels, rng = codes_NXYZ[index].ravel(), generator(seed, int(index))
        kinds: list[Bools] = [(labels > 0) & (labels != IGNORE), (labels == 0) & near, labels == 0]
        pools = [np.flatnonzero(kind) for kind in kinds]
        chosen = np.concatenate([rng.choice(pool, min(each, len(pool)), replace=False) for pool in pools])
        rows.append(_voxels(images_NCXYZ[index], atlas)[chosen])
        codes.append(labels[chosen])
    known = np.concatenate(codes)
    if len(np.unique(known)) < 2:
        return None
    rounds = min(MOST_ROUNDS, max(FEWEST_ROUNDS, TREES // len(np.unique(known))))  # each of a tree for each code
    model = HistGradientBoostingClassifier(max_iter=rounds, learning_rate=0.2, random_state=seed, early_stopping=False)
    return model.fit(np.concatenate(rows), known)


def _voxels(image_CXYZ: Array, atlas: Floats) -> Floats:
    """(voxels, features) float32 of one coarse image."""
    size = image_CXYZ.shape[1:]
    long = [axis for axis in range(3) if size[axis] > 1]
    maps: list[Array] = []
    for channel in image_CXYZ.astype(np.float32):
        widths = [[scale if axis in long else 0 for axis in range(3)] for scale in SCALES]
        blurred = [ndimage.gaussian_filter(channel, width) for width in widths]
        maps += [channel, *blurred, ndimage.gaussian_gradient_magnitude(channel, widths[0])]
        maps += [np.roll(blurred[1], sign * reach, axis) for reach in REACH for axis in long for sign in (1, -1)]
    places = np.meshgrid(*(np.linspace(0, 1, length, dtype=np.float32) for length in size), indexing="ij")
    maps += [places[axis] for axis in long]
    return np.concatenate([np.stack(maps, axis=-1), atlas], axis=-1).reshape(-1, len(maps) + atlas.shape[-1])
