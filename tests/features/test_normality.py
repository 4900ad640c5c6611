"""What is normal, fitted; and the limit, calibrated on what was not fitted."""

import numpy as np
import pytest
import torch

from normal_samples import SIDE, picture, plan
from scanwright.errors import InputError
from scanwright.features.normality import LEAST, conformal_limit, fit_normal
from scanwright.network.normal import NormalModel, distances


def see(count, *, spot=0.0, first=0):
    """(count, 1, 1, SIDE, SIDE) pictures, standardised."""
    stack = np.stack([picture(first + number, spot=spot) for number in range(count)])
    return torch.from_numpy(((stack - 90) / 30).astype(np.float32))[:, None, None]


@pytest.fixture(scope="module")
def model():
    """Fitted to forty normal pictures."""
    images = see(40)
    return fit_normal(plan(), lambda place: images[place], [str(number) for number in range(40)], seed=0)


def test_fit__mean_and_covariance_are_those_of_numpy():
    images = see(24)
    whole = plan(block=16, shrink=0.5)
    fitted = fit_normal(whole, lambda place: images[place], [str(number) for number in range(24)], seed=0)
    with torch.no_grad():
        seen = NormalModel(whole).seen(images).double().numpy()  # (24, F, 1, 16, 16)
    np.testing.assert_allclose(fitted.mean.numpy(), seen.mean(0), rtol=1e-4, atol=1e-5)
    deviations = (seen - seen.mean(0)).transpose(1, 0, 2, 3, 4).reshape(whole.features, -1)
    covariance = deviations @ deviations.T / (23 * 256)
    mixed = 0.5 * covariance + 0.5 * np.diag(np.diag(covariance))
    whiten = fitted.whiten[0, 0, 0].double().numpy()
    np.testing.assert_allclose(whiten @ mixed @ whiten.T, np.eye(whole.features), atol=1e-3)


def test_fit__blocks_that_do_not_divide_the_cells():
    images = see(20)
    odd = plan(size=(1, 30, 26), block=4)
    fitted = fit_normal(odd, lambda place: images[place], [str(number) for number in range(20)], seed=0)
    assert fitted.whiten.shape == (1, 4, 4, odd.features, odd.features)
    assert torch.isfinite(fitted(see(2, first=90))[0]).all()


def test_distance__its_square_is_about_one_for_what_is_normal(model):
    with torch.no_grad():
        found = model.distances(model.seen(see(20, first=500)))
    assert 0.7 < float(found.square().mean()) < 1.25


def test_model__tells_where_something_is_wrong(model):
    with torch.no_grad():
        wrong = model.looked_at(see(1, spot=60.0, first=700))[0][0, 0]
        usual, told = model(see(30, first=800))[0], model(see(30, spot=60.0, first=800))[0]
    row, column = divmod(int(wrong.argmax()), wrong.shape[1])
    assert abs(row - 6.5) <= 2 and abs(column - 10.5) <= 2  # the middle of the spot, in cells of two pixels
    assert float((told[:, 1] > 0).float().mean()) > 0.9
    assert float((usual[:, 1] > 0).float().mean()) < 0.25


def test_model__answers_for_images_of_any_size(model):
    with torch.no_grad():
        logits = model(torch.nn.functional.interpolate(see(1), size=(1, 57, 41)))[0]
    assert logits.shape == (1, 2) and torch.isfinite(logits).all()
    assert model.features(see(3)).shape == (3, plan().features * 4 * 4)


def test_distances__whiten_each_block_by_itself():
    seen = torch.zeros((1, 1, 1, 1, 4))
    seen[0, 0, 0, 0] = torch.tensor([1.0, 1.0, 1.0, 1.0])
    whiten = torch.tensor([2.0, 3.0]).reshape(1, 1, 2, 1, 1)
    found = distances(seen, torch.zeros((1, 1, 1, 4)), whiten, block=2)
    assert found.flatten().tolist() == [2.0, 2.0, 3.0, 3.0]


def test_limit__is_exceeded_as_seldom_as_promised():
    rng = np.random.default_rng(1)
    draws = torch.from_numpy(rng.normal(size=(4000, 40)))
    exceeded = [float(row[-1] > conformal_limit(row[:-1], alarms=0.1)) for row in draws]
    assert np.mean(exceeded) == pytest.approx(0.1, abs=0.015)


def test_limit__of_too_few_is_the_largest():
    assert float(conformal_limit(torch.tensor([3.0, 1.0, 2.0]), alarms=0.05)) == 3.0


@pytest.mark.parametrize(("count", "patients"), [(LEAST - 1, LEAST - 1), (20, 4)])
def test_fit__too_few_to_say_what_is_normal(count, patients):
    images = see(count)
    with pytest.raises(InputError, match="too few normal images") as caught:
        fit_normal(plan(), lambda place: images[place], [str(number % patients) for number in range(count)], seed=0)
    assert "More folds" in str(caught.value.hint)


def test_fit__a_feature_that_never_varies():
    flat = torch.zeros((12, 1, 1, SIDE, SIDE))
    fitted = fit_normal(plan(), lambda place: flat[place], [str(number) for number in range(12)], seed=0)
    with torch.no_grad():
        assert torch.isfinite(fitted(flat[:2])[0]).all()
