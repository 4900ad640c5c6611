"""Values as a person writes them."""

import doctest

import pytest

from scanwright.dataset.facts import Spread
from scanwright.dataset.task import Channel
from scanwright.report import wording
from scanwright.report.wording import amount, channel_text, plain, space_facts, span_text, volume_text


def spread(median, low=None, high=None):
    low, high = median if low is None else low, median if high is None else high
    return Spread.model_construct(min=low, p10=low, median=median, p90=high, max=high)


def test_doctests():
    assert doctest.testmod(wording).failed == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (True, "yes"), (False, "no"), (0, "0"), (0.003, "0.003"), (1e-05, "1e-05"), (2 / 3, "0.6667"),
        ("muon", "muon"), ((), "none"), ((32, 64), "32, 64"), ((True, False), "yes, no"),
        ([{"scheme": "ct", "low": -100.0, "std": None}], "scheme ct, low -100"),
    ],
)  # fmt: skip
def test_plain(value, text):
    assert plain(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [((1, 224, 256), "1×224×256"), ((1.0, 0.75), "1×0.75"), (None, "–"), (((1, 1), (2, 2)), "1×1, 2×2")],
)
def test_plain__sizes(value, text):
    assert plain(value, is_size=True) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.01234, "0.0123"), (4.56, "4.56"), (99.94, "99.9"), (136_100, "136 100"), (1234.5, "1234")],
)
def test_amount(value, text):
    assert amount(value).replace("\N{NARROW NO-BREAK SPACE}", " ") == text


def test_span_text():
    assert span_text([spread(512), spread(100, 90, 121.4)], digits=0) == "512 × 100 (90 to 121)"


def test_volume_text():
    assert volume_text(spread(1.5, 0.25, 10), "mm") == "1.5 ml (0.25 to 10)"
    assert volume_text(spread(150, 100, 200), "px") == "150 px (100 to 200)"


@pytest.mark.parametrize(
    ("name", "modality", "text"),
    [("CT", "ct", "CT"), ("FLAIR", "mr", "FLAIR (mr)"), ("thickness", "other", "thickness"), ("XRAY", "xray", "XRAY")],
)
def test_channel_text(name, modality, text):
    assert channel_text(Channel(name=name, modality=modality)) == text


def test_space_facts__of_pictures_and_of_volumes(finished):
    from scanwright.api.look import inspect

    found = inspect(finished.data).fingerprint
    names = [fact.name for fact in space_facts(found)]
    assert names == ["Shape x × y × z", "Spacing x × y × z (mm)", "Orientations"]
    flat = found.model_copy(update={"unit": "px", "shape": (spread(20), spread(16, 10, 30), spread(1))})
    assert [(fact.name, fact.value) for fact in space_facts(flat)] == [("Width × height, px", "20 × 16 (10 to 30)")]
