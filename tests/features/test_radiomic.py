"""Radiomic features: IBSI's reference values on its digital phantom, what moves them and what must not."""

import builtins
import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanwright.errors import GeometryError, UsageError
from scanwright.features.radiomic import feature_name, radiomic_features, radiomic_settings
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.plan.radiomic_plan import RadiomicSettings

GOLDEN = Path(__file__).parents[1] / "golden" / "ibsi_digital_phantom.csv"
"""IBSI reference manual, reference values of the digital phantom: in three dimensions (textures merged over the volume), and
in slices (merged in a slice, averaged over slices); tolerances where the manual has them."""

# The digital phantom (CC BY 4.0, theibsi/data_sets), slice by slice, row by row; 0 is outside the region.
PHANTOM = """
14411 14611 41641 44641
14411 11611 01311 44611
14400 11111 11011 11611
14400 11111 11111 11611
"""


def phantom() -> tuple[Volume, Volume]:
    rows = [[[int(digit) for digit in row] for row in line.split()] for line in PHANTOM.split("\n") if line]
    voxels = np.array(rows, float).transpose(2, 1, 0)[None]
    grid = Grid.from_spacing((5, 4, 4), (2.0, 2.0, 2.0))
    return Volume(voxels, grid), Volume((voxels > 0).astype(np.uint8), grid)


def ball(size: int = 14, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> tuple[Volume, Volume]:
    grid = Grid.from_spacing((size, size, size), spacing)
    where = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij")) - (size - 1) / 2
    mask = np.sqrt((where**2).sum(axis=0)) < size / 3
    voxels = np.random.default_rng(0).normal(100, 20, (1, size, size, size)) + 3 * where[:1]
    return Volume(voxels, grid), Volume(mask[None].astype(np.uint8), grid)


def picture(channels: int = 1) -> tuple[Volume, Volume]:
    grid = Grid.of_pixels(40, 30)
    voxels = np.random.default_rng(1).integers(0, 256, (channels, 40, 30, 1), dtype=np.uint8)
    mask = np.zeros((1, 40, 30, 1), np.uint8)
    mask[0, 10:25, 8:22] = 255
    return Volume(voxels, grid), Volume(mask, grid)


def to_three_digits(value: float) -> float:
    return float(f"{value:.3g}")


@pytest.mark.parametrize(("column", "by_slice"), [("volume", False), ("slices", True)])
def test_radiomic_features__ibsi_digital_phantom(column: str, by_slice: bool) -> None:
    pytest.importorskip("mirp")
    found = radiomic_features(*phantom(), RadiomicSettings(bins=6, by_slice=by_slice), channels=["ct"])
    with GOLDEN.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["feature"] for row in rows} == found.keys() and len(rows) == 122
    for row in rows:
        value, expected = found[row["feature"]], float(row[column])
        assert value is not None
        assert to_three_digits(value) == pytest.approx(expected, abs=float(row["tolerance"]) + 1e-12), row["feature"]


def test_radiomic_features__what_moves_them() -> None:
    pytest.importorskip("mirp")
    image, mask = ball()
    plain = radiomic_features(image, mask, RadiomicSettings(bins=16), channels=["ct"])
    louder = radiomic_features(
        Volume(image.voxels * 3 + 7, image.grid), mask, RadiomicSettings(bins=16), channels=["ct"]
    )
    for name in plain:
        if name.startswith("gl"):  # a fixed number of bins does not see scale and offset
            assert louder[name] == pytest.approx(plain[name], rel=1e-4), name
    assert louder["intensity_mean"] == pytest.approx(plain["intensity_mean"] * 3 + 7, rel=1e-6)
    volume = float(mask.voxels.sum())
    assert plain["shape_vol_approx"] == volume
    _, stretched = ball(spacing=(1.0, 1.0, 2.5))
    taller = radiomic_features(
        Volume(image.voxels, stretched.grid), stretched, RadiomicSettings(bins=16), channels=["ct"]
    )
    assert taller["shape_vol_approx"] == pytest.approx(2.5 * volume)
    assert taller["shape_pca_maj_axis"] == pytest.approx(2.5 * plain["shape_pca_maj_axis"], rel=0.02)


def test_radiomic_features__spacing_range_and_width() -> None:
    pytest.importorskip("mirp")
    image, mask = ball()
    coarse = radiomic_features(image, mask, RadiomicSettings(bins=16, spacing=2.0), channels=["ct"])
    assert coarse["shape_vol_approx"] == pytest.approx(float(mask.voxels.sum()), rel=0.1)
    assert float(coarse["shape_vol_approx"]) % 8 == pytest.approx(0)  # whole voxels of 2 x 2 x 2
    cut = radiomic_features(image, mask, RadiomicSettings(bin_width=5.0, intensity_range=(80, 120)), channels=["ct"])
    assert 80 <= cut["intensity_min"] < cut["intensity_max"] <= 120
    wider = radiomic_features(image, mask, RadiomicSettings(bin_width=20.0, intensity_range=(80, 120)), channels=["ct"])
    assert wider["glcm_contrast"] < cut["glcm_contrast"]


def test_radiomic_features__does_not_depend_on_what_lies_outside() -> None:
    pytest.importorskip("mirp")
    image, mask = ball()
    other = np.where(mask.voxels != 0, image.voxels, -1000)
    other[0, 0, 0, 0] = np.nan
    one, two = (
        radiomic_features(Volume(voxels, image.grid), mask, RadiomicSettings(bins=16), channels=["ct"])
        for voxels in (image.voxels, other)
    )
    assert one == two


def test_radiomic_features__a_picture_of_one_and_of_several_channels() -> None:
    pytest.importorskip("mirp")
    image, mask = picture()
    found = radiomic_features(image, mask, RadiomicSettings(bins=16), channels=["us"])
    assert found["shape_tallness"] == pytest.approx(14 / 15) and "shape_volume" not in found
    inside = image.voxels[mask.voxels != 0]
    assert found["intensity_mean"] == pytest.approx(inside.mean()) and found["intensity_max"] == inside.max()
    image, mask = picture(channels=2)
    both = radiomic_features(image, mask, RadiomicSettings(bins=16), channels=["dwi", "adc"])
    assert both["adc_intensity_mean"] == pytest.approx(image.voxels[1][mask.voxels[0] != 0].mean())
    assert sum(name.startswith("shape_") for name in both) == 11


def test_radiomic_features__colours_of_a_picture() -> None:
    pytest.importorskip("mirp")
    _, mask = picture()
    voxels = np.zeros((3, 40, 30, 1), np.uint8)
    voxels[0] = np.where(mask.voxels[0] != 0, 200, 0) + np.arange(30)[:, None].astype(np.uint8)
    found = radiomic_features(
        Volume(voxels, mask.grid), mask, RadiomicSettings(bins=16), channels=["r", "g", "b"], rgb=True
    )
    assert found["colour_hue_cosine"] == pytest.approx(1) and found["colour_saturation_mean"] == 1
    inside = voxels[0][mask.voxels[0] != 0]
    assert found["intensity_mean"] == pytest.approx(0.299 * inside.mean())


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_radiomic_features__tiny_and_constant_regions(size: int, constant: bool, flat: bool) -> None:
    pytest.importorskip("mirp")
    shape = (16, 16, 1) if flat else (16, 16, 16)
    voxels = np.random.default_rng(0).normal(size=(1, *shape)) * (not constant) + 3
    mask = np.zeros((1, *shape), np.uint8)
    mask[0, 6 : 6 + size, 6 : 6 + size, slice(None) if flat else slice(6, 6 + size)] = 1
    grid = Grid.from_spacing(shape, (1.0, 1.0, 1.0))
    found = radiomic_features(Volume(voxels, grid), Volume(mask, grid), RadiomicSettings(bins=32), channels=["ct"])
    assert found and all(value is None or np.isfinite(value) for value in found.values())
    assert found["intensity_mean"] is not None
    assert (found["glcm_contrast"] is None) == (size == 1)  # one voxel has no neighbour


def test_radiomic_features__an_empty_mask_gives_nothing_and_other_grids_are_refused() -> None:
    image, mask = ball()
    settings = RadiomicSettings(bins=16)
    assert radiomic_features(image, Volume(mask.voxels * 0, mask.grid), settings, channels=["ct"]) == {}
    with pytest.raises(GeometryError, match="on its image's grid"):
        radiomic_features(
            image, Volume(mask.voxels, Grid.from_spacing((14, 14, 14), (1, 1, 2))), settings, channels=["ct"]
        )
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    grid = Grid((14, 14, 14), sheared)
    with pytest.raises(GeometryError, match="right angles"):
        radiomic_features(Volume(image.voxels, grid), Volume(mask.voxels, grid), settings, channels=["ct"])


@pytest.mark.parametrize(
    "given",
    [{}, {"bins": 16, "bin_width": 5.0}, {"bin_width": 5.0}, {"bins": 16, "intensity_range": (3, 3)}, {"bins": 1}],
)
def test_settings__refuse(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"either bins|intensity_range|greater than"):
        RadiomicSettings(**given)


def test_settings__are_kept_with_the_library_version(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mirp")
    kept = radiomic_settings(RadiomicSettings(bins=16, spacing=1.0))
    assert kept["library"].startswith("mirp 2.") and kept["bins"] == 16 and kept["spacing"] == 1.0
    radiomic_features(*ball(12), RadiomicSettings(bins=16), channels=["ct"])
    assert capsys.readouterr().out == ""


def test_radiomic_features__install_line_without_mirp(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **words: Any) -> Any:
        if name.split(".")[0] == "mirp":
            raise ImportError(name)
        return real(name, *arguments, **words)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install \"scanwright\[radiomics\]\""):
        radiomic_features(*ball(12), RadiomicSettings(bins=16), channels=["ct"])


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("cm_contrast_d1_2d_s_mrg_fbn_n32", "glcm_contrast"),
        ("rlm_rl_entr_3d_v_mrg_fbs_w25.0", "glrlm_rl_entr"),
        ("szm_zs_var_3d", "glszm_zs_var"),
        ("ngl_dc_perc_d1_a0.0_2d_fbn_n8", "ngldm_dc_perc"),
        ("ngt_busyness_3d", "ngtdm_busyness"),
        ("stat_p10", "intensity_p10"),
        ("morph_volume", "shape_volume"),
        ("image_voxel_size_x", None),
    ],
)
def test_feature_name(key: str, name: str | None) -> None:
    assert feature_name(key) == name
