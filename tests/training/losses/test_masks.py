import pytest
import torch

from fakes import task
from scanwright.problem.segmentation import Segmentation
from scanwright.protocols import IGNORE
from scanwright.training.losses import dense
from scanwright.training.losses.masks import BOUNDARY_SHARE, EXCLUSIVE, OVERLAPPING


def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 4, 5, 6, generator=generator), torch.randint(0, 3, (2, 4, 5, 6), generator=generator)


def test_exclusive__sums_are_the_sums_of_their_parts() -> None:
    logits, codes = drawn()
    one_hot, mask = dense.exclusive_parts(codes, 3, ignore=IGNORE)
    given = logits.softmax(1)[:, 1:], one_hot[:, 1:].float(), mask
    dice, edges = float(dense.soft_dice(*given)), float(dense.boundary(*given))
    value = {name: float(loss(logits, codes, ignore=IGNORE)) for name, loss in EXCLUSIVE.items()}
    assert value["dice_ce"] == pytest.approx(dice + value["ce"], rel=1e-6)
    assert value["dice_top_k"] == pytest.approx(dice + value["top_k"], rel=1e-6)
    assert value["dice_ce_boundary"] == pytest.approx(value["dice_ce"] + BOUNDARY_SHARE * edges, rel=1e-6)
    assert edges > 0


def test_exclusive__the_background_has_an_overlap_term_in_generalised_dice_alone() -> None:
    logits, _ = drawn()
    codes = torch.zeros(2, 4, 5, 6, dtype=torch.uint8)  # background only: what says "background" is right
    right = torch.zeros_like(logits)
    right[:, 0] = 40.0
    assert float(EXCLUSIVE["tversky"](right, codes, ignore=IGNORE)) == pytest.approx(0.0, abs=1e-4)
    assert float(EXCLUSIVE["tversky"](-right, codes, ignore=IGNORE)) == pytest.approx(1.0, abs=1e-4)
    half = torch.zeros_like(logits)
    one_hot, mask = dense.exclusive_parts(codes.long(), 3, ignore=IGNORE)
    whole = dense.generalised_dice(half.softmax(1), one_hot.float(), mask)
    assert float(EXCLUSIVE["generalised_dice"](half, codes, ignore=IGNORE)) == pytest.approx(float(whole))


def test_overlapping__a_loss_sees_each_region_alone() -> None:
    logits, codes = drawn()
    one_hot, mask = dense.exclusive_parts(codes, 3, ignore=IGNORE)
    for name in ("tversky", "focal_tversky", "bce", "dice_bce"):
        loss = OVERLAPPING[name]
        each = [float(loss(logits[:, k : k + 1], one_hot[:, k : k + 1], mask)) for k in range(3)]
        assert float(loss(logits, one_hot, mask)) == pytest.approx(sum(each) / 3, rel=1e-5)


def test_names__hold_those_that_segmentation_uses() -> None:
    assert Segmentation(task(2)).losses[0] in EXCLUSIVE
    assert Segmentation(task(2, nested=True)).losses[0] in OVERLAPPING
