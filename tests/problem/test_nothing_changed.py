"""Pictures of what answers rest on: one for each part, and none for a part that nothing changes."""

from types import SimpleNamespace

import numpy as np
import pytest
from torch import nn

from scanwright.dataset.task import Channel, Task
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.network.whole import WholeImage
from scanwright.problem.whole import explained as whole_explained
from scanwright.problem.whole.explained import LEAST_FALL, explanation_of

TASK = Task(name="t", kind="classification", classes=("a", "b"), channels=(Channel(name="X", modality="xray"),))
OF_GRADIENTS, OF_COVER = WholeImage.__new__(WholeImage), nn.Identity()


@pytest.mark.parametrize(
    ("network", "largest", "parts", "unchanged"),
    [
        (OF_COVER, (0.5, 0.0), ("a",), ("b",)),
        (OF_COVER, (-0.5, 0.2), ("a", "b"), ()),
        (OF_COVER, (LEAST_FALL / 2, 0.0), (), ("a", "b")),
        (OF_GRADIENTS, (LEAST_FALL / 2, 0.0), ("a",), ("b",)),  # in no unit: only nothing is nothing
        (OF_GRADIENTS, (np.nan, 0.0), (), ("a", "b")),
    ],
)
def test_explanation_of__parts_that_nothing_changed_are_not_drawn(monkeypatch, network, largest, parts, unchanged):
    def found(networks, tensor, scores, method):
        maps_PIJK = np.zeros((len(scores), 8, 8, 1), np.float32)
        maps_PIJK[:, 1, 1, 0] = scores
        return maps_PIJK

    seen = SimpleNamespace(tensor=None, on_case=lambda map_IJK: map_IJK)
    monkeypatch.setattr(whole_explained, "Seen", SimpleNamespace(by=lambda engine, image: seen))
    monkeypatch.setattr(whole_explained, "maps_of", found)
    image = Volume(
        np.random.default_rng(0).normal(size=(1, 8, 8, 1)).astype(np.float32), Grid((8, 8, 1), np.eye(4), "px")
    )
    plan = SimpleNamespace(batch=SimpleNamespace(patch=(1, 8, 8)))
    engine = SimpleNamespace(networks=[network], plan=plan, weight=1.0, beside=())
    told = explanation_of(engine, image, list(zip("ab", largest, strict=True)), TASK)
    assert (told.parts, told.unchanged) == (parts, unchanged)
    assert (told.png is None) == (not parts)
    if told.png is not None:
        assert told.png.startswith(b"\x89PNG")
    assert [str(one) for one in told.doubts] == (
        [f"nothing in the image changed the answer for {', '.join(unchanged)}"] if unchanged else []
    )
