import pytest

from scanwright.dataset.layouts.names import channel_case, image_case, label_case


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("p01_mask", "p01"), ("p01-seg", "p01"), ("p01.label", "p01"), ("benign (1)_mask_1", "benign (1)"), ("seg-p03", "p03"),
        ("Segmentation_p03", "p03"), ("mask", ""), ("ground_truth", ""), ("p01_GT", "p01"), ("p01", None), ("unmasked", None),
        ("masked_p01", None), ("lab07", None), ("segment", None),
    ],
)  # fmt: skip
def test_label_case(name, case):
    assert label_case(name) == case


@pytest.mark.parametrize(
    ("name", "case"),
    [("p01_image", "p01"), ("img_p01", "p01"), ("image", ""), ("p01", "p01"), ("imagine_7", "imagine_7")],
)
def test_image_case(name, case):
    assert image_case(name) == case


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("BraTS_001_t1ce", ("BraTS_001", "t1ce")), ("p01_0001", ("p01", "0001")), ("FLAIR", ("", "FLAIR")),
        ("p01_image", ("p01", "")), ("hippocampus_001", ("hippocampus_001", "")), ("sub-1_T2w", ("sub-1", "T2w")),
    ],
)  # fmt: skip
def test_channel_case(name, parts):
    assert channel_case(name) == parts
