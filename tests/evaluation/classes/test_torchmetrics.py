"""The measures against torchmetrics, where it is installed; the other tests compare them with scikit-learn and SciPy."""

import numpy as np
import pytest
import torch

from classified_samples import made_answers
from scanwright.evaluation.classes.classification import measure_answers
from scanwright.evaluation.numbers.regression import measure_numbers

peer = pytest.importorskip("torchmetrics.functional", exc_type=ImportError)


@pytest.mark.parametrize("seed", range(8))
def test_binary(seed):
    answers = made_answers(40 + 30 * seed, seed=seed, digits=[None, 2][seed % 2])
    found, _ = measure_answers(answers, samples=0)
    scores, truth = torch.tensor(answers.probabilities[:, 1]), torch.tensor(answers.truth)
    decided = torch.tensor(answers.decisions)
    c = peer.classification
    expected = {
        "accuracy": c.binary_accuracy(decided, truth),
        "sensitivity": c.binary_recall(decided, truth),
        "specificity": c.binary_specificity(decided, truth),
        "precision": c.binary_precision(decided, truth),
        "npv": c.binary_negative_predictive_value(decided, truth),
        "f1": c.binary_f1_score(decided, truth),
        "mcc": c.binary_matthews_corrcoef(decided, truth),
        "kappa": c.binary_cohen_kappa(decided, truth),
        "auroc": c.binary_auroc(scores, truth),
        "average_precision": c.binary_average_precision(scores, truth),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, abs=2e-6
    )


@pytest.mark.parametrize("seed", range(8))
def test_classes(seed):
    answers = made_answers(60 + 30 * seed, 3 + seed % 3, seed=seed, choice="ordered")
    found, _ = measure_answers(answers, samples=0)
    scores, truth = torch.tensor(answers.probabilities), torch.tensor(answers.truth)
    decided = torch.tensor(answers.decisions)
    c, options = peer.classification, {"num_classes": answers.num_classes}
    expected = {
        "accuracy": c.multiclass_accuracy(decided, truth, average="micro", **options),
        "balanced_accuracy": c.multiclass_accuracy(decided, truth, average="macro", **options),
        "sensitivity": c.multiclass_recall(decided, truth, average="macro", **options),
        "specificity": c.multiclass_specificity(decided, truth, average="macro", **options),
        "precision": c.multiclass_precision(decided, truth, average="macro", **options),
        "npv": c.multiclass_negative_predictive_value(decided, truth, average="macro", **options),
        "f1": c.multiclass_f1_score(decided, truth, average="macro", **options),
        "mcc": c.multiclass_matthews_corrcoef(decided, truth, **options),
        "kappa": c.multiclass_cohen_kappa(decided, truth, **options),
        "quadratic_kappa": c.multiclass_cohen_kappa(decided, truth, weights="quadratic", **options),
        "auroc": c.multiclass_auroc(scores, truth, average="macro", **options),
        "average_precision": c.multiclass_average_precision(scores, truth, average="macro", **options),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, abs=2e-6
    )


@pytest.mark.parametrize("seed", range(8))
def test_labels(seed):
    answers = made_answers(60 + 30 * seed, 4, seed=seed, choice="several")
    found, _ = measure_answers(answers, samples=0)
    scores, truth = torch.tensor(answers.probabilities), torch.tensor(answers.truth.astype(int))
    c, options = peer.classification, {"num_labels": 4, "average": "macro"}
    expected = {
        "accuracy": c.multilabel_accuracy(scores, truth, **options),
        "specificity": c.multilabel_specificity(scores, truth, **options),
        "f1": c.multilabel_f1_score(scores, truth, **options),
        "auroc": c.multilabel_auroc(scores, truth, **options),
        "average_precision": c.multilabel_average_precision(scores, truth, **options),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, abs=2e-6
    )


@pytest.mark.parametrize("seed", range(8))
def test_regression(seed):
    rng = np.random.default_rng(seed)
    truth = rng.normal(20, 10, (50, 1))
    predicted = truth + rng.normal(1, 4, truth.shape)
    found, _ = measure_numbers(predicted, truth, range(50), samples=0)
    p, y = torch.tensor(predicted[:, 0]), torch.tensor(truth[:, 0])
    expected = {
        "mae": peer.mean_absolute_error(p, y),
        "rmse": peer.mean_squared_error(p, y, squared=False),
        "r2": peer.r2_score(p, y),
        "pearson": peer.pearson_corrcoef(p, y),
        "spearman": peer.spearman_corrcoef(p, y),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, rel=1e-5
    )
