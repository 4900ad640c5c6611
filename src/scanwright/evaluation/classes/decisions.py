"""How good the decisions of a classifier are, with 95 % intervals by patient: everything that a confusion matrix says.

Accuracy, sensitivity, specificity, precision and NPV are shares and have Wilson's interval (proportion.py). The others, and
means over classes, are resampled, and the draws also hold a patient of each class that is judged badly (`strays_of`): else
few cases without an error would be proof that there are none. Of 400 simulated studies of a binary problem (1,000 draws;
sensitivity = specificity = q) this many intervals held the true value:

                             sensitivity          MCC                  balanced accuracy
    cases    positive   q      ours     BCa         ours     BCa         ours     BCa
    20       50 %       0.8    97.7 %   87.3 %      94.7 %   94.1 %      94.7 %   95.7 %
    40       50 %       0.9    95.0 %   84.8 %      96.0 %   95.0 %      96.0 %   96.5 %
    40       50 %       0.97   95.0 %   41.8 %      96.8 %   69.8 %      97.5 %   69.8 %
    100      15 %       0.9    95.0 %   75.5 %      94.8 %   95.5 %      94.0 %   82.8 %
    200      25 %       0.95   94.5 %   90.5 %      93.8 %   94.0 %      93.8 %   92.5 %
    400      50 %       0.9    94.0 %   94.8 %      95.8 %   95.5 %      95.5 %   96.0 %

Accuracy held in 94.2 to 97.0 % of the same studies. Of 300 studies of K equally frequent classes (500 draws; a share q decided
rightly), the interval of the macro F1 and that of the MCC held in 91.0 and 91.4 % (K = 4, 40 cases, q = 0.8), 94.6 and 95.3 %
(0.97), 96.0 and 94.3 % (K = 4, 120 cases, 0.8), 93.6 and 94.6 % (K = 9, 135 cases, 0.8).
"""

import numpy as np

from scanwright.evaluation.classes.answers import Answers, View
from scanwright.evaluation.classes.confusion import (
    BINARY,
    QUADRATIC_KAPPA,
    SHARES,
    accuracy,
    balanced_accuracy,
    binary_measures,
    binary_shares,
    confusion_terms,
    kappa,
    mcc,
    mean_defined,
    one_against_rest,
)
from scanwright.evaluation.intervals.bootstrap import Estimate, Measures, Statistic, percentile_interval, resample
from scanwright.evaluation.intervals.proportion import share_interval
from scanwright.evaluation.intervals.statistics import MIN_PATIENTS
from scanwright.files import finite_or_none
from scanwright.types import Array, Floats, Ints


def decision_measures(answers: Answers, *, seed: int, samples: int) -> tuple[Measures, list[Measures]]:
    """BINARY of all classes together, and of each class against the rest; classification.py says what "together" means.

    samples: draws; 0 for values without intervals. The interval of a share is None under 5 patients that it is a share of;
    that of another measure, or of a mean over classes, under 5 patients of any class that occurs.
    """
    views = [answers.view(k) for k in range(answers.num_classes)]
    size = answers.num_patients
    tables = [counts_by_patient(view.positive, view.decided, view.owners, size, num_classes=2) for view in views]
    mean, by_class = _of_views(tables, cases=len(answers), seed=seed, samples=samples)
    if answers.is_binary:
        return by_class[1], by_class
    if answers.choice == "several":
        return mean, by_class
    return _of_classes(answers, seed=seed, samples=samples), by_class


def share_measures(view: View, *, num_patients: int) -> Measures:
    """SHARES of one class against the rest, with Wilson's intervals; num_patients: by whose numbers its owners are called."""
    counts = counts_by_patient(view.positive, view.decided, view.owners, num_patients, num_classes=2)
    return _shares(counts, binary_measures(counts.sum(axis=0)), with_interval=True)


def counts_by_patient(truth: Array, decisions: Array, owners: Ints, num_patients: int, *, num_classes: int) -> Floats:
    """Each patient's confusion matrix, (P, K, K), from codes or bools (N,)."""
    counts = np.zeros((num_patients, num_classes * num_classes))
    np.add.at(counts, owners, confusion_terms(truth.astype(int), decisions.astype(int), num_classes))
    return counts.reshape(num_patients, num_classes, num_classes)


def strays_of(counts_PKK: Floats) -> Floats:
    """For each class a patient of it, half decided rightly and half for the other classes alike: (K, K, K).

    Each weighs 2 / K of the mean patient of its class; zeros for a class that does not occur. Two classes: "by chance".
    """
    num_classes = counts_PKK.shape[-1]
    patients = (counts_PKK.sum(axis=2) > 0).sum(axis=0)
    weights = 2 / num_classes * counts_PKK.sum(axis=(0, 2)) / np.maximum(patients, 1)
    decided = np.full((num_classes, num_classes), 0.5 / (num_classes - 1))
    np.fill_diagonal(decided, 0.5)
    strays: Floats = np.eye(num_classes)[:, :, None] * decided * weights[:, None, None]
    return strays


def fewest_patients(counts_PKK: Floats) -> int:
    """Patients with a case of the class that fewest have, of the classes that occur."""
    patients = (counts_PKK.sum(axis=2) > 0).sum(axis=0)
    return int(patients[patients > 0].min(initial=len(counts_PKK)))


def _of_views(tables: list[Floats], *, cases: int, seed: int, samples: int) -> tuple[Measures, list[Measures]]:
    """The mean over views, and each of them, from each patient's matrix (P, 2, 2) in each view."""
    totals, strays = np.stack(tables, axis=1), np.stack([strays_of(counts) for counts in tables], axis=1)

    def statistic(counts: Floats) -> Floats:  # (..., V, 2, 2) to (..., 1 + V, M)
        each = binary_measures(counts)
        return np.concatenate([mean_defined(each, axis=-2)[..., None, :], each], axis=-2)

    values, drawn = _draw(totals, strays, statistic, seed=seed, samples=samples)
    fewest = [fewest_patients(counts) for counts in tables]
    mean = _estimates(BINARY, values[0], drawn[:, 0], cases=cases, fewest=min(fewest), num_patients=len(totals))
    by_class = []
    for k, counts in enumerate(tables):
        known = int(counts.sum())
        patients = int((counts.sum(axis=(1, 2)) > 0).sum())
        found = _estimates(BINARY, values[1 + k], drawn[:, 1 + k], cases=known, fewest=fewest[k], num_patients=patients)
        by_class.append(found | _shares(counts, values[1 + k], with_interval=samples > 0))
    return mean, by_class


def _of_classes(answers: Answers, *, seed: int, samples: int) -> Measures:
    """BINARY of several exclusive classes from their one matrix; of grades the quadratic kappa as well."""
    size, is_ordered = answers.num_patients, answers.choice == "ordered"
    counts = counts_by_patient(answers.truth, answers.decisions, answers.owners, size, num_classes=answers.num_classes)

    def statistic(tables: Floats) -> Floats:  # (..., K, K) to (..., M)
        mean = mean_defined(binary_measures(one_against_rest(tables)), axis=-2)
        found = {name: mean[..., place] for place, name in enumerate(BINARY)}
        found |= {
            "accuracy": accuracy(tables),
            "balanced_accuracy": balanced_accuracy(tables),
            "mcc": mcc(tables),
            "kappa": kappa(tables),
        }
        grades = [kappa(tables, quadratic=True)] if is_ordered else []
        return np.stack([*found.values(), *grades], axis=-1)

    names = (*BINARY, *((QUADRATIC_KAPPA,) if is_ordered else ()))
    values, drawn = _draw(counts, strays_of(counts), statistic, seed=seed, samples=samples)
    found = _estimates(names, values, drawn, cases=len(answers), fewest=fewest_patients(counts), num_patients=size)
    right, all_cases = np.trace(counts, axis1=1, axis2=2), counts.sum(axis=(1, 2))
    reach = share_interval(right, all_cases, fewest=MIN_PATIENTS) if samples else None
    n = len(answers)
    return found | {"accuracy": Estimate(value=finite_or_none(values[0]), interval=reach, n=n, n_defined=n)}


def _draw(totals: Floats, strays: Floats, statistic: Statistic, *, seed: int, samples: int) -> tuple[Floats, Floats]:
    """The statistic of the sum of totals (P, ...), and of the sums of draws with the strays (S, ...) among the patients."""
    value = statistic(totals.sum(axis=0))
    if not samples or not len(totals):
        return value, np.empty((0, *value.shape))
    shape = totals.shape[1:]
    population = np.concatenate([totals, strays]).reshape(len(totals) + len(strays), -1)
    return value, resample(population, lambda drawn: statistic(drawn.reshape(-1, *shape)), seed=seed, samples=samples)


def _estimates(
    names: tuple[str, ...], values: Floats, drawn: Floats, *, cases: int, fewest: int, num_patients: int
) -> Measures:
    """A percentile interval for each value (M,) from its draws (samples, M), None under 5 patients of a class."""
    found = {}
    for name, value, column in zip(names, values, drawn.T if len(drawn) else [None] * len(names), strict=True):
        is_defined = bool(np.isfinite(value))
        reach = (
            percentile_interval(column, float(value), num_patients=num_patients)
            if is_defined and column is not None and fewest >= MIN_PATIENTS
            else None
        )
        found[name] = Estimate(
            value=finite_or_none(value), interval=reach, n=cases, n_defined=cases if is_defined else 0
        )
    return found


def _shares(counts: Floats, values: Floats, *, with_interval: bool) -> Measures:
    """SHARES of a view, with Wilson's intervals; counts (P, 2, 2), values in the order of BINARY."""
    parts, wholes = binary_shares(counts)
    found = {}
    for place, name in enumerate(SHARES):
        part, whole = parts[:, place], wholes[:, place]
        reach = share_interval(part, whole, fewest=MIN_PATIENTS) if with_interval else None
        found[name] = Estimate(
            value=finite_or_none(values[place]), interval=reach, n=int(counts.sum()), n_defined=int(whole.sum())
        )
    return found
