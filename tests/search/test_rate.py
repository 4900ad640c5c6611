"""The learning-rate finder on curves whose answer is known."""

import numpy as np
import pytest

from scanwright.search.rate import has_risen, ramp, smoothed, suggest

RATES = ramp(1e-5, 1.0, 200)


def falling(steepest: float, *, rises: float = 0.3, noise: float = 0.0) -> list[float]:
    """A loss that falls as a logistic curve of the logarithm of the rate, steepest there, and grows beyond `rises`."""
    logs = np.log10(RATES)
    curve = (
        2.0
        - 1.5 / (1 + np.exp(-4 * (logs - np.log10(steepest))))
        + np.where(rises < RATES, (RATES / rises) ** 2 - 1, 0)
    )
    return (curve + np.random.default_rng(0).normal(0, noise, len(curve))).tolist()


@pytest.mark.parametrize("steepest", [1e-3, 1e-2])
def test_suggest__where_a_logistic_curve_is_steepest(steepest: float) -> None:
    """Its steepest place is its middle, by calculus."""
    found = suggest(RATES, falling(steepest))
    assert found.steepest == pytest.approx(steepest, rel=0.06)
    assert found.rate == pytest.approx((found.steepest * (found.lowest or 0)) ** 0.5, rel=0.06)
    assert found.lowest is not None and found.lowest > steepest
    assert found.rises is not None and 0.3 < found.rises < 1.0
    assert f"fastest at {found.steepest:.2g}, least at {found.lowest:.2g}" in found.reason


def test_suggest__noise_moves_it_little() -> None:
    found = suggest(RATES, falling(1e-2, noise=0.05))
    assert found.steepest is not None and 0.004 < found.steepest < 0.025


def test_suggest__an_average_over_the_past_would_lag() -> None:
    """What is usual (an exponential average) puts the mark at a higher rate; a window that looks both ways does not."""
    losses, decay, past = falling(1e-3), 0.95, []
    mean = losses[0]
    for loss in losses:
        mean = decay * mean + (1 - decay) * loss
        past.append(mean)
    lagging = RATES[np.gradient(past, np.log10(RATES)).argmin()]
    assert lagging > 1.5e-3 and suggest(RATES, losses).steepest == pytest.approx(1e-3, rel=0.06)


def test_suggest__nothing_where_the_loss_does_not_fall() -> None:
    flat = suggest(RATES, [1.0] * len(RATES))
    assert flat.rate is None and "did not fall" in flat.reason
    assert suggest(RATES[:5], [3, 2, 1, 1, 1]).rate is None
    rising = suggest(RATES, np.linspace(1, 5, len(RATES)).tolist())
    assert rising.rate is None and rising.rises is not None


def test_ramp__equal_factors() -> None:
    rates = ramp(1e-4, 1e-1, 4)
    assert rates == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    for low, high, steps in ((0.0, 1.0, 5), (1.0, 1.0, 5), (0.1, 1.0, 1)):
        with pytest.raises(ValueError, match="a ramp"):
            ramp(low, high, steps)


def test_risen__stops_a_ramp_that_has_gone_wrong() -> None:
    assert not has_risen([1.0] * 30) and has_risen([1.0] * 25 + [9.0] * 5)
    assert has_risen([1.0, float("nan")]) and not has_risen([1.0, 9.0])


def test_smoothed__keeps_a_constant() -> None:
    assert smoothed([2.0] * 50) == pytest.approx(2.0)


def test_beside__what_lies_within_the_range_stays() -> None:
    found = suggest(RATES, falling(1e-3))
    assert found.steepest is not None and found.lowest is not None and found.rate is not None
    assert "no reason to change it" in found.beside(found.steepest) and "no reason to change it" in found.beside(0.01)
    assert "outside the range" in found.beside(found.lowest * 3) and "times the suggested" in found.beside(
        found.lowest * 3
    )
    assert "times less than" in found.beside(found.steepest / 3)
    assert suggest(RATES, [1.0] * len(RATES)).beside(0.006) == "the planned rate 0.006 stands"
