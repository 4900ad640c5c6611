import io
import itertools

import numpy as np
import pytest
from PIL import Image

from scanwright.errors import GeometryError
from scanwright.figures.saliency import BAR_PX, GAP_PX, NARROW_PX, SLICE_PX, TICKS_PX, UNDER_PX, saliency_overlay
from scanwright.geometry.grid import Grid
from scanwright.geometry.orientation import Reorientation


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def parts(png: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The plain slice, the slice with the map, and the colour bar with its ticks."""
    drawn = pixels(png)
    width = (drawn.shape[1] - 2 * (2 * GAP_PX + BAR_PX + TICKS_PX)) // 2
    second = width + 2 * GAP_PX
    return drawn[:, :width], drawn[:, second : second + width], drawn[:, second + width + 2 * GAP_PX :]


def colour(image: np.ndarray) -> np.ndarray:
    """How far each pixel is from grey."""
    return np.ptp(image, axis=-1)


def head() -> tuple[np.ndarray, np.ndarray, Grid]:
    """A right-anterior-superior volume with thick axial slices; the map has a spot right, anterior, in slice 6."""
    image = np.random.default_rng(0).normal(size=(1, 20, 24, 10)).astype(np.float32)
    saliency = np.zeros(image.shape[1:], np.float32)
    saliency[13:17, 15:20, 6] = 2.0
    saliency[2:4, 2:4, 3] = 2.0
    return image, saliency, Grid.from_spacing(saliency.shape, (1.0, 1.0, 3.0))


def test_saliency__the_slice_with_most_of_it_and_right_on_the_left() -> None:
    plain, mapped, _ = parts(saliency_overlay(*head()[:2], grid=head()[2]))
    assert colour(plain).max() < 12
    rows, columns = np.nonzero(colour(mapped) > 60)
    assert columns.mean() / mapped.shape[1] == pytest.approx(1 - 15 / 20, abs=0.03)
    assert rows.mean() / mapped.shape[0] == pytest.approx(1 - 17.5 / 24, abs=0.03)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_saliency__the_same_picture_in_any_axis_order(order: tuple[int, int, int]) -> None:
    image, saliency, grid = head()
    turn = Reorientation(order, (order[0] > 0, order[1] == 2, order[2] < 2))
    turned = pixels(saliency_overlay(turn.apply(image), turn.apply(saliency[None])[0], grid=turn.grid(grid)))
    apart = np.abs(turned - pixels(saliency_overlay(image, saliency, grid=grid))).sum(-1) > 0
    assert not apart[:-40].any()  # the number of the slice is that of the file
    assert apart.any() == turn.flip[order.index(2)]


def test_saliency__a_picture_lies_as_in_its_file_and_keeps_its_colours() -> None:
    image = np.zeros((3, 40, 30, 1), np.uint8)  # 40 columns, 30 rows
    image[0] = np.linspace(0, 255, 40).astype(np.uint8)[:, None, None]
    saliency = np.zeros((40, 30, 1))
    saliency[2:8, 20:28] = 1.0
    plain, mapped, _ = parts(saliency_overlay(image, saliency, grid=Grid.of_pixels(40, 30), window=(0, 255)))
    assert plain.shape[1] == 2 * SLICE_PX and plain.shape[1] / plain.shape[0] == pytest.approx(4 / 3, rel=0.01)
    assert plain[100, -20, 0] > 240 and plain[100, -20, 1:].max() < 12
    rows, columns = np.nonzero(np.abs(mapped - plain).sum(-1) > 100)
    assert columns.mean() / plain.shape[1] == pytest.approx(5 / 40, abs=0.02)
    assert rows.mean() / plain.shape[0] == pytest.approx(24 / 30, abs=0.02)


def test_saliency__more_of_it_is_lighter_and_more_opaque() -> None:
    image = np.full((1, 50, 10, 1), 0.35)
    ramp = np.broadcast_to(np.linspace(0, 1, 50)[:, None, None], (50, 10, 1))
    plain, mapped, bar = parts(saliency_overlay(image, ramp, grid=Grid.of_pixels(50, 10), window=(0, 1)))
    assert np.abs(mapped[:, 5] - plain[:, 5]).max() < 12
    light = (mapped @ [0.2126, 0.7152, 0.0722]).mean(0)[200:-20:40]
    assert (np.diff(light) > 0).all()
    strip = bar[:, 2 * BAR_PX // 2].reshape(-1, 3) @ [0.2126, 0.7152, 0.0722]
    assert strip[len(strip) // 4] > strip[len(strip) // 2] > 0


def test_saliency__what_lowers_the_score_is_blue_and_what_raises_it_red() -> None:
    image = np.full((1, 20, 20, 1), 0.5)
    saliency = np.zeros((20, 20, 1))
    saliency[2:8, 8:12], saliency[12:18, 8:12] = -3.0, 3.0
    _, mapped, _ = parts(saliency_overlay(image, saliency, grid=Grid.of_pixels(20, 20), window=(0, 1)))
    middle = mapped[mapped.shape[0] // 2]
    left, right = middle[mapped.shape[1] // 4], middle[3 * mapped.shape[1] // 4]
    assert left[2] - left[0] > 40 and right[0] - right[2] > 40


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_saliency__nothing_to_see(value: float) -> None:
    image = np.random.default_rng(0).normal(size=(1, 6, 7, 8))
    plain, mapped, _ = parts(saliency_overlay(image, np.full((6, 7, 8), value), grid=Grid((6, 7, 8), np.eye(4))))
    inner = (slice(100, -200), slice(100, -100))  # without the letters and the scale bar
    assert np.array_equal(plain[inner], mapped[inner])


def test_saliency__other_shape_is_refused() -> None:
    image, saliency, grid = head()
    with pytest.raises(GeometryError, match="the saliency map is not on its grid"):
        saliency_overlay(image, saliency[1:], grid=grid)


def test_saliency__narrow_is_as_wide_as_its_column_and_has_the_plain_slice_of_a_volume_alone() -> None:
    flat = saliency_overlay(np.zeros((1, 40, 20, 1)), np.ones((40, 20, 1)), grid=Grid.of_pixels(40, 20), narrow=True)
    assert pixels(flat).shape[:2] == (2 * (NARROW_PX // 2 + GAP_PX + BAR_PX + UNDER_PX), 2 * NARROW_PX)
    image, saliency, grid = head()
    volume = pixels(saliency_overlay(image, saliency, grid=grid, narrow=True))
    assert volume.shape[:2] == (2 * (2 * (NARROW_PX + GAP_PX) + BAR_PX + UNDER_PX), 2 * NARROW_PX)
    upper, lower = volume[: 2 * NARROW_PX], volume[2 * (NARROW_PX + GAP_PX) : 4 * NARROW_PX]
    assert colour(upper).max() < 12 < 60 < colour(lower).max()


@pytest.mark.parametrize("narrow", [False, True])
def test_saliency__titles_are_no_mathematics_and_ends_are_named(narrow: bool) -> None:
    image, saliency = np.full((1, 20, 20, 1), 0.5), np.zeros((20, 20, 1))
    saliency[2:8], saliency[12:18] = -1.0, 1.0

    def drawn(**how: object) -> bytes:
        return saliency_overlay(image, saliency, grid=Grid.of_pixels(20, 20), narrow=narrow, **how)  # type: ignore[arg-type]

    assert drawn(title="$a$") != drawn(title="a")  # read as mathematics, only letters would be left
    assert drawn(title="$a_{$")  # and this could not be read at all
    assert drawn() != drawn(ends=("lowers\nit", "raises\nit"))


def test_saliency__with_a_limit_a_map_has_a_scale_of_its_own() -> None:
    """What is little stays little, though nothing is more; what lies above the limit has a white outline."""
    image = np.full((1, 20, 20, 1), 0.35)
    weak, strong = np.full((20, 20, 1), 0.1), np.full((20, 20, 1), 0.1)
    strong[6:14, 6:14] = 0.9

    def mapped(saliency: np.ndarray, limit: float | None) -> np.ndarray:
        return parts(saliency_overlay(image, saliency, grid=Grid.of_pixels(20, 20), window=(0, 1), limit=limit))[1]

    assert colour(mapped(weak, None)).mean() > 4 * colour(mapped(weak, 0.5)).mean()
    white = mapped(strong, 0.5).min(axis=-1) > 230
    rows, columns = np.nonzero(white)
    side = white.shape[0] / 20
    assert rows.min() / side == pytest.approx(6, abs=0.6) and columns.max() / side == pytest.approx(14, abs=0.6)
    assert not white[int(7.5 * side) : int(12.5 * side), int(7.5 * side) : int(12.5 * side)].any()
    assert not (mapped(weak, 0.5).min(axis=-1) > 230).any()
