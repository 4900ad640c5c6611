"""Classical models in a network's clothes."""

import numpy as np
import pytest
import torch

from scanwright.errors import InputError, IntegrityError
from scanwright.features import served
from scanwright.features.classical import fit
from scanwright.features.recipe import Recipe
from scanwright.features.samples import Samples
from scanwright.features.served import ClassicalNetwork, features_of, names_of, outputs_of, steps_of, weights_of
from scanwright.problem.classification import ORDERED


def images(number=24, *, seed=0):
    rng = np.random.default_rng(seed)
    made = rng.normal(size=(number, 1, 1, 20, 20)).astype(np.float32)
    made[::2, :, :, 5:12, 5:12] += 3
    return made


def model(target="classes", family="svm-rbf"):
    given = images()
    names = names_of(given[0])
    truth = np.arange(len(given)) % 2 if target == "classes" else np.linspace(-5, 40, len(given))
    samples = Samples(
        features=features_of(given, names),
        target=truth,
        patients=tuple(range(len(given))),
        names=names,
        num_classes=2 if target == "classes" else 0,
    )
    return fit(samples, Recipe(target="classes" if target == "classes" else "number", family=family))


def test_features_of__other_features_are_refused():
    """Of a volume, and of an image with another channel: none is answered by what it happens to share."""
    names = names_of(images()[0])
    for other in (np.zeros((1, 4, 20, 20), np.float32), np.zeros((2, 1, 20, 20), np.float32)):
        with pytest.raises(InputError, match="of another dimension or with other channels") as caught:
            features_of([other], names)
        assert caught.value.expected == f"{len(names)} features"


@pytest.mark.parametrize("family", ["svm-linear", "svm-rbf", "linear", "forest"])
def test_network__softmax_of_its_outputs_is_what_the_model_says(family):
    fitted, new = model(family=family), images(6, seed=1)
    outputs = ClassicalNetwork([fitted], outputs=2)(torch.from_numpy(new))[0]
    wanted = fitted.predict(features_of(new, fitted.names))
    assert torch.allclose(outputs.softmax(1), torch.from_numpy(wanted).float(), atol=1e-5)


def test_outputs__features_that_models_share_are_made_once(monkeypatch):
    networks = [ClassicalNetwork([model(family=family)], outputs=2) for family in ("linear", "svm-linear")]
    other, new = Mean(), torch.from_numpy(images(3, seed=1))
    apart = [network(new)[0] for network in (*networks, other)]
    seen = []
    monkeypatch.setattr(served, "_features", lambda image: seen.append(1) or features_alone(image))
    together = outputs_of([*networks, other], new)
    assert all(torch.equal(one, two) for one, two in zip(together, apart, strict=True))
    assert len(seen) == len(new)


features_alone = served._features


class Mean(torch.nn.Module):
    """Says of an image how bright it is."""

    def forward(self, image):
        return [image.mean((1, 2, 3, 4))[:, None]]


def test_network__numbers_are_told_in_deviations():
    fitted, new = model("number"), images(4, seed=1)
    outputs = ClassicalNetwork([fitted], outputs=1, center=[10.0], scale=[4.0])(torch.from_numpy(new))[0]
    assert np.allclose(outputs[:, 0] * 4 + 10, fitted.predict(features_of(new, fitted.names)), atol=1e-4)


@pytest.mark.parametrize("loss", ["corn", "cumulative_link"])
def test_network__grades_come_back_from_the_steps_of_either_loss(loss):
    shares = np.array([[0.2, 0.5, 0.3], [0.9, 0.1, 0.0], [0.0, 0.0, 1.0]])
    steps = torch.from_numpy(steps_of(shares, loss=loss))
    assert np.allclose(ORDERED[loss](steps).numpy(), shares, atol=1e-4)


def test_network__several_labels_each_have_a_logit():
    one, other = model(family="linear"), model(family="forest")
    new = images(5, seed=3)
    outputs = ClassicalNetwork([one, other], outputs=2)(torch.from_numpy(new))[0].sigmoid()
    features = features_of(new, one.names)
    wanted = np.stack([one.predict(features)[:, 1], other.predict(features)[:, 1]], axis=1)
    assert np.allclose(outputs.numpy(), wanted, atol=1e-4)


HOW = {"classes": {"outputs": 2}, "number": {"outputs": 1, "center": (1.0,), "scale": (2.0,)}}


@pytest.mark.parametrize("target", ["classes", "number"])
def test_weights__there_and_back(target):
    fitted, new = model(target), torch.from_numpy(images(3, seed=2))
    again = ClassicalNetwork.of_weights(weights_of([fitted, fitted]), **HOW[target])
    assert torch.equal(ClassicalNetwork([fitted, fitted], **HOW[target])(new)[0], again(new)[0])


def test_weights__that_are_not_whole_are_refused():
    weights = weights_of([model(), model()])
    less = {name: part for name, part in weights.items() if name != "1.settings"}
    with pytest.raises(IntegrityError, match="settings"):
        ClassicalNetwork.of_weights(less, outputs=2)
    less = {name: part for name, part in weights.items() if not name.startswith("0.")}
    with pytest.raises(IntegrityError, match="not numbered"):
        ClassicalNetwork.of_weights(less, outputs=2)
    other = weights_of([model("number")])
    with pytest.raises(IntegrityError, match="do not fit together"):
        ClassicalNetwork.of_weights(
            {**weights, **{name.replace("0.", "1.", 1): part for name, part in other.items()}}, outputs=2
        )
