"""Models of prepared features, fitted by scikit-learn and taken apart into plain arrays. No estimator leaves this file.

A learner takes prepared features (N, R) without NaN, R >= 1, and a target (N,): codes 0 … K-1, each of them present and
K >= 2, or numbers. It gives the arrays that `answers` computes with:

    machines with a kernel    vectors (M, R), dual (K', M), intercepts (K',), gamma ()
    linear                    weights (K', R), intercepts (K',)
    trees                     starts (T + 1,), left, right, feature (nodes,), threshold (nodes,), value (nodes, V);
                              boosting also base (K',), rate ()

K' is 1 for two classes and for numbers, else K. Children are numbered within their tree, and always higher than their parent;
a leaf's are -1.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from scanwright.features.recipe import Family, Recipe, Target
from scanwright.types import Array, Floats, Ints

Arrays = dict[str, Array]
Learner = Callable[[Floats, Array, Recipe], Arrays]

LOGISTIC_STEPS = 5000


def learn(prepared_NR: Floats, target_N: Array, recipe: Recipe) -> Arrays:
    """The arrays of a fitted model, see the file."""
    return LEARNERS[recipe.target, recipe.family](prepared_NR, target_N, recipe)


def _machines(prepared_NR: Floats, codes_N: Ints, recipe: Recipe) -> Arrays:
    """Of each class against all others; of two, of the second against the first."""
    from sklearn.svm import SVC

    kernel, gamma, penalty = _kernel(recipe, prepared_NR.shape[1])
    classes = int(codes_N.max()) + 1
    weight = "balanced" if recipe.balanced else None
    return _joined(
        [
            SVC(C=penalty, kernel=kernel, gamma=gamma, class_weight=weight).fit(prepared_NR, codes_N == code)
            for code in (range(classes) if classes > 2 else (1,))
        ],
        prepared_NR,
        gamma,
    )


def _regression_machine(prepared_NR: Floats, numbers_N: Floats, recipe: Recipe) -> Arrays:
    from sklearn.svm import SVR

    kernel, gamma, penalty = _kernel(recipe, prepared_NR.shape[1])
    machine = SVR(C=penalty, kernel=kernel, gamma=gamma, epsilon=recipe.value("epsilon"))
    return _joined([machine.fit(prepared_NR, numbers_N)], prepared_NR, gamma)


def _kernel(recipe: Recipe, features: int) -> tuple[str, float, float]:
    """The kernel's name, gamma and C. A linear machine with a C that is small for its features leaves every case inside
    the margin and goes by the classes' frequencies alone."""
    if recipe.family == "svm-linear":
        return "linear", 1.0, recipe.value("C") / features
    return "rbf", recipe.value("gamma") / features, recipe.value("C")


def _joined(machines: Sequence[Any], prepared_NR: Floats, gamma: float) -> Arrays:
    """Machines on one training set: linear ones as weights, others over the union of their support vectors."""
    intercepts = np.array([float(machine.intercept_[0]) for machine in machines])
    if machines[0].kernel == "linear":
        return {"weights": np.concatenate([machine.coef_ for machine in machines]), "intercepts": intercepts}
    used = np.unique(np.concatenate([machine.support_ for machine in machines]))
    dual = np.zeros((len(machines), len(used)))
    for row, machine in zip(dual, machines, strict=True):
        row[np.searchsorted(used, machine.support_)] = machine.dual_coef_[0]
    return {"vectors": prepared_NR[used], "dual": dual, "intercepts": intercepts, "gamma": np.array(gamma)}


def _logistic(prepared_NR: Floats, codes_N: Ints, recipe: Recipe) -> Arrays:
    from sklearn.linear_model import LogisticRegression

    weight = "balanced" if recipe.balanced else None
    model = LogisticRegression(C=recipe.value("C") / prepared_NR.shape[1], class_weight=weight, max_iter=LOGISTIC_STEPS)
    model.fit(prepared_NR, codes_N)
    return {"weights": model.coef_, "intercepts": model.intercept_}


def _ridge(prepared_NR: Floats, numbers_N: Floats, recipe: Recipe) -> Arrays:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=prepared_NR.shape[1] / recipe.value("C")).fit(prepared_NR, numbers_N)
    return {"weights": model.coef_[None], "intercepts": np.array([float(model.intercept_)])}


def _forest_of_classes(prepared_NR: Floats, codes_N: Ints, recipe: Recipe) -> Arrays:
    from sklearn.ensemble import RandomForestClassifier

    weight = "balanced" if recipe.balanced else None
    model = RandomForestClassifier(**_growth(recipe), class_weight=weight).fit(prepared_NR, codes_N)
    return _trees(model.estimators_)


def _forest_of_numbers(prepared_NR: Floats, numbers_N: Floats, recipe: Recipe) -> Arrays:
    from sklearn.ensemble import RandomForestRegressor

    return _trees(RandomForestRegressor(**_growth(recipe), max_features=1 / 3).fit(prepared_NR, numbers_N).estimators_)


def _growth(recipe: Recipe) -> dict[str, int]:
    return {
        "n_estimators": int(recipe.value("trees")),
        "min_samples_leaf": int(recipe.value("least_in_leaf")),
        "random_state": recipe.seed,
    }


def _boosted_classes(prepared_NR: Floats, codes_N: Ints, recipe: Recipe) -> Arrays:
    from sklearn.ensemble import GradientBoostingClassifier

    counts = np.bincount(codes_N)
    weight = len(codes_N) / (len(counts) * counts[codes_N]) if recipe.balanced else None
    model = GradientBoostingClassifier(**_rounds(recipe)).fit(prepared_NR, codes_N, sample_weight=weight)
    return _boosted(model, np.atleast_1d(model.decision_function(prepared_NR[:1])[0]), prepared_NR[:1])


def _boosted_numbers(prepared_NR: Floats, numbers_N: Floats, recipe: Recipe) -> Arrays:
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(**_rounds(recipe)).fit(prepared_NR, numbers_N)
    return _boosted(model, model.predict(prepared_NR[:1]), prepared_NR[:1])


def _rounds(recipe: Recipe) -> dict[str, float | str]:
    return {
        "n_estimators": int(recipe.value("rounds")),
        "max_depth": int(recipe.value("depth")),
        "learning_rate": recipe.value("rate"),
        "max_features": "sqrt",
        "random_state": recipe.seed,
    }


def _boosted(model: Any, answer: Floats, row: Floats) -> Arrays:
    """Trees, rate, and the base: what the model answers for one row beyond the sum of its trees."""
    grown = [[tree.predict(row)[0] for tree in trees] for trees in model.estimators_]
    base = answer - model.learning_rate * np.sum(grown, axis=0)
    return {**_trees(model.estimators_.ravel().tolist()), "base": base, "rate": np.array(model.learning_rate)}


def _trees(fitted: Sequence[Any]) -> Arrays:
    """Fitted decision trees end to end."""
    trees = [one.tree_ for one in fitted]
    return {
        "starts": np.cumsum([0, *(tree.node_count for tree in trees)]),
        "left": np.concatenate([tree.children_left for tree in trees]).astype(np.int32),
        "right": np.concatenate([tree.children_right for tree in trees]).astype(np.int32),
        "feature": np.concatenate([np.maximum(tree.feature, 0) for tree in trees]).astype(np.int32),
        "threshold": np.concatenate([tree.threshold for tree in trees]),
        "value": np.concatenate([tree.value[:, 0, :] for tree in trees]),
    }


LEARNERS: Mapping[tuple[Target, Family], Learner] = {
    ("classes", "svm-linear"): _machines,
    ("classes", "svm-rbf"): _machines,
    ("classes", "linear"): _logistic,
    ("classes", "forest"): _forest_of_classes,
    ("classes", "boosting"): _boosted_classes,
    ("number", "svm-linear"): _regression_machine,
    ("number", "svm-rbf"): _regression_machine,
    ("number", "linear"): _ridge,
    ("number", "forest"): _forest_of_numbers,
    ("number", "boosting"): _boosted_numbers,
}
