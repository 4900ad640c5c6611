"""What a package holds of the range: the same after writing and reading, and refused if it is another's."""

import numpy as np
import pytest
from safetensors.numpy import load, save

from scanwright.errors import IntegrityError
from scanwright.explanation.cloud import Cloud
from scanwright.explanation.in_range import Clouds, bounds_of
from scanwright.explanation.reference import Reference
from scanwright.runtime import generator


def made():
    rng = generator(0)
    known = Clouds({"texture": Cloud.of(rng.normal(size=(30, 5))), "layout": Cloud.of(rng.normal(size=(30, 4)))})
    bounds = bounds_of([{"texture": float(one)} for one in np.exp(rng.normal(size=50))])
    return Reference(known, bounds, "fold_0", {"upside down": 0.9})


def test_bytes__there_and_back():
    one = made()
    again = Reference.from_bytes(one.to_bytes())
    rows = generator(1).normal(size=(3, 5))
    assert again.clouds.of["texture"].distances(rows) == pytest.approx(
        one.clouds.of["texture"].distances(rows), rel=1e-5
    )
    assert (again.bounds, again.model, again.recognised) == (one.bounds, one.model, one.recognised)
    assert again.to_bytes() == Reference.from_bytes(again.to_bytes()).to_bytes()


@pytest.mark.parametrize("spoil", ["cut", "words", "arrays"])
def test_bytes__that_are_not_ours(spoil):
    arrays = load(made().to_bytes())
    if spoil == "words":
        arrays["words"] = np.frombuffer(b'{"model": "fold_0"}', dtype=np.uint8).copy()
    if spoil == "arrays":
        arrays["texture.axes"] = arrays["texture.axes"][:, :-1].copy()
    stored = save(arrays)
    with pytest.raises(IntegrityError, match="reference cases"):
        Reference.from_bytes(stored[:-9] if spoil == "cut" else stored)
