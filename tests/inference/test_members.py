"""Members of several plans, pooled: against means worked out by hand, for masks, whole images and boxes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import fakes
from scanwright.errors import UsageError
from scanwright.geometry.box_fusion import fuse
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.inference import pooled_maps, volume
from scanwright.inference.boxes import Detections, put_together
from scanwright.inference.dropout import dropping, drops, passes_of
from scanwright.inference.members import every_network, groups_of, num_passes, pooled, shares_of
from scanwright.inference.predict import Engine, predict_labels
from scanwright.inference.volume import TooLarge, predict_maps, predict_surely
from scanwright.inference.whole import answer_whole
from scanwright.network.dropout import SeededDropout
from scanwright.problem.segmentation import Segmentation
from scanwright.transform.preprocess import to_network

CPU = torch.device("cpu")


class Says(nn.Module):
    """The same logits everywhere."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        return [self.logits.view(1, -1, 1, 1, 1).expand(len(image_NCDHW), -1, *image_NCDHW.shape[2:]).clone()]


class Rough(nn.Module):
    """Logits that differ from voxel to voxel with the image."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        x = image_NCDHW[:, :1] * self.slope
        return [torch.cat([torch.zeros_like(x), x, 0.5 - x], dim=1)]


def image(shape: tuple[int, int, int] = (14, 18, 10), *, seed: int = 0, border: int = 0) -> Volume:
    voxels = np.random.default_rng(seed).normal(5, 1, (1, *shape)).astype(np.float32)
    if border:
        inside = np.zeros(shape, dtype=bool)
        inside[border:-border, border:-border, border:-border] = True
        voxels *= inside
    return Volume(voxels, Grid(shape, np.diag([-1.0, -1.0, 1.0, 1.0])))


def engine(network: nn.Module, *, weight: float = 1.0, **changes: object) -> Engine:
    planned = fakes.plan(patch=(8, 8, 8))
    parts: dict[str, dict[str, object]] = {}
    for name, value in changes.items():
        section, key = name.split("__")
        parts.setdefault(section, {})[key] = value
    planned = planned.model_copy(
        update={section: getattr(planned, section).model_copy(update=values) for section, values in parts.items()}
    )
    return Engine([network], planned, Segmentation(fakes.task(2)), CPU, weight=weight)


def mean_by_hand(engines: list[Engine], seen: Volume) -> np.ndarray:
    """The maps of each engine alone, by weight."""
    total = sum(one.weight for one in engines)
    return sum(one.weight / total * predict_maps(one, seen).astype(np.float64) for one in engines)


FLAT = {"batch__patch": (1, 16, 16), "preprocess__axes": (0, 2, 1)}
COARSE = {"preprocess__spacing": (2.0, 1.0, 2.0)}


def test_groups__members_that_see_the_same_windows_are_one() -> None:
    together = pooled([engine(Rough(1)), engine(Rough(2), **FLAT), engine(Rough(3), weight=2.0)])
    found = groups_of(together)
    assert [len(one.beside) for one in found] == [1, 0]
    assert shares_of(together) == [0.25, 0.25, 0.5] and num_passes(together) == 3 and len(every_network(together)) == 3
    with pytest.raises(UsageError):
        pooled([])
    with pytest.raises(UsageError):
        pooled([engine(Rough(1), weight=0.0)])


def test_windows__of_one_group_are_the_weighted_mean() -> None:
    members = [engine(Rough(1.0)), engine(Rough(-2.0), weight=3.0)]
    seen, together = image(), pooled(members)
    assert len(groups_of(together)) == 1
    np.testing.assert_allclose(predict_maps(together, seen), mean_by_hand(members, seen), atol=1e-6)
    wanted = mean_by_hand(members, seen).argmax(0)
    assert np.array_equal(predict_surely(together, seen)[0].voxels[0], wanted)


@pytest.mark.parametrize("changes", [FLAT, COARSE, {"inference__step_share": 1.0}])
def test_maps__of_other_windows_axes_and_spacing_are_pooled_on_the_image(changes: dict[str, object]) -> None:
    members = [engine(Rough(1.0)), engine(Rough(-2.0), weight=2.0, **changes)]
    seen, together = image(), pooled(members)
    assert len(groups_of(together)) == 2
    maps = predict_maps(together, seen)
    np.testing.assert_allclose(maps, mean_by_hand(members, seen), atol=1e-6)
    np.testing.assert_allclose(maps.sum(0), 1, atol=1e-5)
    labels, sure = predict_surely(together, seen, watched=[2])
    assert np.array_equal(labels.voxels[0], maps.argmax(0))
    assert sure is not None and np.abs(sure / 255 - maps[2]).max() <= 0.5 / 255 + 1e-6


def test_maps__of_one_member_decode_to_what_it_answers() -> None:
    one, seen = engine(Rough(1.0), **COARSE), image()
    prepared, placement = to_network(seen, one.plan.preprocess)
    assert np.array_equal(predict_maps(one, seen).argmax(0), predict_labels(one, prepared, placement))


def test_maps__in_float16_differ_by_rounding_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    members = [engine(Rough(1.0)), engine(Rough(-2.0), **COARSE)]
    exact = predict_maps(pooled(members), image())
    assert exact.dtype == np.float32
    monkeypatch.setattr(pooled_maps, "LARGE_SHARE", 1 << 40)
    rounded = predict_maps(pooled(members), image())
    assert rounded.dtype == np.float16 and np.abs(rounded - exact).max() < 0.001


def test_maps__what_a_plan_cuts_away_is_background_to_it() -> None:
    says = Says(-9.0, 9.0, -9.0)
    seen = image(border=3)
    cut = engine(says, preprocess__crop_to_nonzero=True, **COARSE)
    outside = ~(seen.voxels[0] != 0)
    alone = predict_maps(cut, seen)
    assert np.allclose(alone[0][outside], 1, atol=1e-6) and np.allclose(alone[1][~outside], 1, atol=1e-6)
    both = predict_maps(pooled([cut, engine(says)]), seen)
    assert np.allclose(both[0][outside], 0.5, atol=1e-6) and np.allclose(both.sum(0), 1, atol=1e-5)


def test_maps__nested_regions_have_no_background_map() -> None:
    task = fakes.task(2, nested=True)
    one = replace(engine(Says(2.0, -2.0)), problem=Segmentation(task))
    other = replace(engine(Says(2.0, -2.0), preprocess__crop_to_nonzero=True, **COARSE), problem=Segmentation(task))
    seen = image(border=3)
    maps = predict_maps(pooled([one, other]), seen)
    outside = seen.voxels[0] == 0
    assert np.allclose(maps[0][~outside], 1 / (1 + np.exp(-2)), atol=1e-5)
    assert np.allclose(maps[0][outside], 0.5 / (1 + np.exp(-2)), atol=1e-5)


def test_memory__an_ensemble_that_does_not_fit_is_refused_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    together = pooled([engine(Rough(1.0)), engine(Rough(2.0), **COARSE)])
    monkeypatch.setattr(volume, "free_memory_bytes", lambda: 200 << 20)
    with pytest.raises(TooLarge, match="more memory than is free"):
        predict_surely(together, image())
    need = volume.map_bytes(together, image().grid)
    assert need == 2 * 3 * 14 * 18 * 10 and volume.map_bytes(engine(Rough(1.0)), image().grid) == 0


class Brightness(nn.Module):
    """One logit pair from the mean of what is seen."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        return [torch.stack([torch.zeros(len(image_NCDHW)), self.slope + image_NCDHW.std((1, 2, 3, 4))], dim=1)]


class Softmax:
    """As much of a problem as an answer to a whole image needs."""

    outputs = 2

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.softmax(1)


def test_whole__each_member_sees_the_image_as_its_plan_prepares_it() -> None:
    members = [
        replace(engine(Brightness(1.0), weight=1.0), problem=Softmax()),
        replace(engine(Brightness(-1.0), weight=3.0, **COARSE), problem=Softmax()),
    ]
    alone = [answer_whole(one, image()).mean for one in members]
    assert abs(alone[0][1] - alone[1][1]) > 0.1
    np.testing.assert_allclose(
        answer_whole(pooled(members), image()).mean, 0.25 * alone[0] + 0.75 * alone[1], rtol=1e-5
    )


class Dropped(nn.Module):
    """A linear head behind dropout."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.dropout = SeededDropout(share, seed=3)
        self.head = nn.Linear(40, 2)

    def forward(self, image_NCDHW: Tensor) -> list[Tensor]:
        features = image_NCDHW.flatten(1)[:, :40]
        return [self.head(self.dropout(features))]


def test_dropout__several_passes_are_the_mean_and_the_same_every_time() -> None:
    network = Dropped(0.5).eval()
    one = replace(engine(network), problem=Softmax())
    several = replace(engine(network, inference__dropout_passes=6), problem=Softmax())
    assert num_passes(one) == 1 and num_passes(several) == 6 and drops(network) and not drops(Dropped(0.0))
    plain, first = answer_whole(one, image()).mean, answer_whole(several, image()).mean
    assert np.array_equal(first, answer_whole(several, image()).mean) and not np.allclose(plain, first)
    assert int(network.dropout.calls) == 0 and not network.dropout.training, "the network is as it was"
    prepared, _ = to_network(image(), one.plan.preprocess)
    draws = []
    for number in range(6):
        with dropping(network, number), torch.no_grad():
            draws.append(network(torch.from_numpy(prepared)[None])[0].softmax(1)[0].numpy())
    np.testing.assert_allclose(first, np.mean(draws, axis=0), rtol=1e-5)
    assert len({draw.tobytes() for draw in draws}) == 6
    assert passes_of(nn.Linear(2, 2), 5) == [None], "a network without dropout is asked once"


def boxes(*rows: tuple[float, float, int]) -> Detections:
    """(start, score, code) of cubes with edges of 10."""
    corners = np.array([[[start] * 3, [start + 10] * 3] for start, _, _ in rows])
    return Detections(corners, np.array([score for _, score, _ in rows]), np.array([code for *_, code in rows]))


def test_boxes__equal_shares_are_what_voters_give() -> None:
    rng = np.random.default_rng(0)
    seen = [boxes(*[(float(rng.integers(0, 60)), float(rng.random()), 0) for _ in range(12)]) for _ in range(4)]
    even, counted = put_together(seen, [0.25] * 4), put_together(seen)
    np.testing.assert_allclose(even.boxes, counted.boxes)
    np.testing.assert_allclose(even.scores, counted.scores)


def test_boxes__by_hand_with_unequal_shares() -> None:
    found = put_together([boxes((0.0, 0.8, 0)), boxes((1.0, 0.4, 0), (40.0, 0.6, 0))], [0.75, 0.25])
    assert found.scores == pytest.approx([0.75 * 0.8 + 0.25 * 0.4, 0.6 * 0.25])
    assert found.boxes[0, 0, 0] == pytest.approx(0.25 * 0.4 * 1.0 / (0.75 * 0.8 + 0.25 * 0.4))


def test_boxes__whole_numbers_as_shares_are_votes_given_again() -> None:
    """What a member of weight 2 says counts as if two had said it."""
    first, second = boxes((0.0, 0.9, 0), (30.0, 0.3, 0)), boxes((0.5, 0.6, 0))
    again = put_together([first, first, second])
    weighted = put_together([first, second], [2 / 3, 1 / 3])
    np.testing.assert_allclose(weighted.scores, again.scores)
    np.testing.assert_allclose(weighted.boxes, again.boxes)


def test_fuse__refuses_a_share_that_counts_nothing() -> None:
    one = boxes((0.0, 0.9, 0))
    with pytest.raises(UsageError, match="voter"):
        fuse(one.boxes, one.scores, one.codes, shares_N=np.array([0.0]))
