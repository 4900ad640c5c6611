import pytest
from pydantic import ValidationError

from encoder_plans import FAMILIES, encoder_plan
from scanwright.plan.encoder_plan import EncoderPlan


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_encoder_plan__comes_back_from_json(family: str, dims: int) -> None:
    plan = encoder_plan(family, dims)
    assert EncoderPlan.model_validate_json(plan.model_dump_json()) == plan


def test_stride__is_the_product_of_the_stages() -> None:
    plan = encoder_plan(
        dims=3, widths=(4, 4, 8), strides=((1, 2, 2), (1, 2, 2), (2, 2, 2)), kernels=((1, 3, 3),) * 3, blocks=(1, 1, 1)
    )
    assert plan.stride == (2, 8, 8)


@pytest.mark.parametrize(
    ("family", "dims", "changes", "words"),
    [
        ("resnet", 2, {"blocks": (1,)}, "one entry a stage"),
        ("resnet", 2, {"widths": (), "strides": (), "kernels": (), "blocks": ()}, "at least 1 item"),
        ("resnet", 2, {"strides": ((2, 2, 2), (1, 2, 2))}, "in 2 dimensions"),
        ("resnet", 2, {"kernels": ((1, 3, 3), (3, 3, 3))}, "in 2 dimensions"),
        ("vit", 2, {"image": (8, 8, 8)}, "in 2 dimensions"),
        ("resnet", 3, {"kernels": ((3, 3, 3), (3, 4, 3))}, "odd lengths"),
        ("resnet", 2, {"strides": ((1, 0, 2), (1, 2, 2))}, "greater than or equal to 1"),
        ("densenet", 2, {"growth": None}, "densenet needs growth"),
        ("resnet", 2, {"growth": 4}, "resnet has no growth"),
        ("convnext", 2, {"image": (1, 8, 8)}, "convnext has no image"),
        ("vit", 2, {"image": None}, "vit needs image"),
        ("vit", 2, {"attention_heads": None}, "vit needs attention_heads"),
        ("vit", 2, {"attention_heads": 3}, "divides the width"),
        ("vit", 2, {"image": (1, 8, 10)}, "divides its image"),
        ("vit", 2, {"kernels": ((1, 3, 3),)}, "kernel is its stride"),
        ("resnet", 3, {"join": "gru", "hidden": 8}, "no slices to join"),
        ("resnet", 2, {"join": "gru"}, "hidden is the size"),
        ("resnet", 2, {"hidden": 8}, "hidden is the size"),
        ("resnet", 2, {"join": "attention", "hidden": 8, "bidirectional": True}, "two directions"),
        ("resnet", 2, {"dropout": 1.0}, "less than 1"),
        ("inception", 2, {}, "Input should be"),
    ],
)
def test_encoder_plan__what_makes_no_network_is_refused(
    family: str, dims: int, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        encoder_plan(family, dims, **changes)
