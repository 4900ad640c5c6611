"""Grey values on another scale than the learned ones."""

import numpy as np
import pytest

from scanwright.dataset.facts import ChannelPrint, Intensity
from scanwright.dataset.familiar import is_unlike, learned_channels, unfamiliar
from scanwright.errors import IntegrityError


def learned(modality, *, low, high, smallest, largest):
    whole = Intensity(min=smallest, max=largest, mean=0, std=1, p005=low, p500=(low + high) / 2, p995=high)
    return ChannelPrint(name=modality.upper(), modality=modality, foreground=None, whole=whole)


CT = learned("ct", low=-1000, high=1067, smallest=-1024, largest=2859)
MR = learned("mr", low=26, high=900, smallest=0, largest=3000)
US = learned("us", low=3, high=224, smallest=0, largest=255)
RGB = learned("rgb", low=0, high=250, smallest=0, largest=255)
RAW_CT = learned("ct", low=0, high=2000, smallest=0, largest=4095)


@pytest.mark.parametrize(
    ("channel", "low", "high", "unlike"),
    [
        (CT, -1000, 1300, False),
        (CT, -150, 400, False),  # a crop without air
        (CT, -1000, 3071, False),  # metal
        (CT, 0, 900, True),  # an MRI
        (CT, 24, 3000, True),  # a CT without its offset
        (CT, -3000, 400, True),
        (CT, -1000, 60_000, True),
        (RAW_CT, 0, 2500, False),
        (RAW_CT, -1000, 1300, True),
        (MR, 3, 600_000, False),  # another scanner's scale
        (MR, -4, 900, False),  # a little ringing
        (MR, -1000, 1300, True),  # a CT
        (MR, -150, 400, True),  # a CT crop
        (US, 0, 255, False),
        (RGB, 0, 255, False),
        (RGB, 0, 65_535, True),
    ],
)
def test_is_unlike(channel, low, high, unlike):
    assert is_unlike(low, high, channel) is unlike


def test_unfamiliar__names_each_channel():
    voxels = np.stack([np.linspace(-1000, 1000, 4000), np.linspace(-1000, 1000, 4000)]).reshape(2, 20, 20, 10)
    (note,) = unfamiliar(voxels, (CT, MR))
    assert "grey values of MR unlike" in note and "-990 to 990 here, mostly 26 to 900 there" in note
    assert unfamiliar(voxels, ()) == []


def test_learned_channels__of_a_package():
    rows = {"channels": [MR.model_dump(mode="json")], "dimension": 3}
    assert learned_channels(rows, channels=1, where="m") == (MR,)
    assert (
        learned_channels(None, channels=1, where="m") == learned_channels({"dimension": 2}, channels=1, where="m") == ()
    )


@pytest.mark.parametrize("channels", [7, [1], [{"name": "x"}], [MR.model_dump(mode="json")] * 2])
def test_learned_channels__that_do_not_fit(channels):
    with pytest.raises(IntegrityError, match="do not fit"):
        learned_channels({"channels": channels}, channels=1, where="m")
