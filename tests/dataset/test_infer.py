import numpy as np
import pytest
from scipy import ndimage

from made_folders import ball, write_nifti, write_png, write_text
from scanwright.dataset.infer import Border, border_of, infer_channels, infer_regions, is_colour
from scanwright.dataset.measures import count_values
from scanwright.errors import InputError


def labels(root, *arrays):
    return [write_nifti(root / f"l{number}.nii.gz", array) for number, array in enumerate(arrays)]


def test_regions__every_value_of_every_file(tmp_path):
    paths = labels(tmp_path, ball(0, values=(1,))[1], ball(1, values=(4, 2))[1], ball(2, values=())[1])
    assert [(region.name, region.values) for region in infer_regions(paths)] == [
        ("label 1", (1,)),
        ("label 2", (2,)),
        ("label 4", (4,)),
    ]


@pytest.mark.parametrize("value", [1, 255])
def test_regions__one_value_is_foreground(tmp_path, value):
    (region,) = infer_regions(labels(tmp_path, ball(0, values=(value,))[1]))
    assert (region.name, region.values) == ("foreground", (value,))


def test_regions__whole_numbers_stored_as_floats(tmp_path):
    (region,) = infer_regions(labels(tmp_path, ball(0, values=(3,))[1].astype(np.float32)))
    assert region.values == (3,)


def test_regions__nothing_in_any_file(tmp_path):
    with pytest.raises(InputError, match="no label value besides 0"):
        infer_regions(labels(tmp_path, ball(0, values=())[1]))


def test_regions__an_image_in_place_of_a_mask(tmp_path):
    image = np.arange(12 * 10 * 8, dtype=np.int16).reshape(12, 10, 8)
    with pytest.raises(InputError) as raised:
        infer_regions(labels(tmp_path, image))
    assert "960 values, 0 to 959" in str(raised.value)
    assert "l0.nii.gz" in str(raised.value)


def test_regions__a_negative_value_is_refused_by_the_name_of_its_file(tmp_path):
    odd = ball(1)[1].astype(np.int16)
    odd[0, 0, 0], odd[0, 0, 1] = -1, -7
    with pytest.raises(InputError, match="label values that cannot be learned") as raised:
        infer_regions(labels(tmp_path, ball(0)[1], odd))
    assert (raised.value.where, raised.value.found) == (tmp_path / "l1.nii.gz", "-7, -1")


def test_regions__unreadable_files_are_left_to_the_checks(tmp_path):
    good, bad = labels(tmp_path, ball(0)[1])[0], write_text(tmp_path / "bad.nii.gz", "text")
    assert len(infer_regions([bad, good])) == 1
    with pytest.raises(InputError, match="bad"):
        infer_regions([bad])


PICTURE, VOLUME = (64, 64, 1), (32, 32, 32)


def organ(shape):
    """A ball with a bumpy surface, as 0 and 1."""
    along = [size > 1 for size in shape]
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=shape), [4 * axis for axis in along])
    places = np.indices(shape).T / np.array(shape).T * 2 - 1
    radius = np.sqrt((places[..., along] ** 2).sum(axis=-1)).T
    return (radius + 0.15 * noise / noise.std() < 0.6).astype(float)


def border(label, **ignored):
    label = np.asarray(label).astype(np.uint8)
    return border_of(label, count_values(label), **ignored)


def zoomed(mask, by, *, order=1):
    factors = [by if size > 1 else 1 for size in mask.shape]
    return np.round(ndimage.zoom(mask, factors, order=order)).clip(0, 255)


def smoothed(mask, sigma):
    return ndimage.gaussian_filter(mask, [sigma if size > 1 else 0 for size in mask.shape])


@pytest.mark.parametrize("shape", [PICTURE, VOLUME])
@pytest.mark.parametrize("highest", [255, 64, 20])
def test_border__interpolated_masks(shape, highest):
    mask = organ(shape) * highest
    for interpolated in (zoomed(mask, 1.3), zoomed(mask, 2), zoomed(mask, 0.6), smoothed(mask, 1), smoothed(mask, 1.5)):
        found = border(interpolated)
        assert found.is_grey, found
        assert found.flat == (shape == PICTURE) and found.highest == int(interpolated.max())
    assert border(zoomed(mask, 2, order=3)).is_grey


@pytest.mark.parametrize("shape", [PICTURE, VOLUME])
def test_border__two_structures_that_were_interpolated_together(shape):
    left = np.indices(shape)[0] < shape[0] // 2
    assert border(zoomed(organ(shape) * np.where(left, 85, 170), 2)).is_grey


@pytest.mark.parametrize("shape", [PICTURE, VOLUME])
@pytest.mark.parametrize("thickness", [1, 1.5, 2, 3])
@pytest.mark.parametrize("outwards", [False, True])
def test_border__thin_nested_shells_are_classes(shape, thickness, outwards):
    mask = np.pad(organ(shape), [(0, 0) if size == 1 else (8, 8) for size in shape])
    depth = ndimage.distance_transform_edt(mask.squeeze()).reshape(mask.shape)
    outside = ndimage.distance_transform_edt(1 - mask.squeeze()).reshape(mask.shape)
    shells = np.where(mask > 0, np.minimum(np.ceil(depth / thickness), 9), 0)
    found = border(np.where(shells > 0, 10 - shells, 0) if outwards else shells)
    assert found is None or not found.is_grey, found
    around = np.where(mask > 0, 8, np.maximum(8 - np.ceil(outside / thickness), 0))  # shells around a solid core
    assert not border(np.where(around > 0, 9 - around, 0) if outwards else around).is_grey


@pytest.mark.parametrize("shape", [PICTURE, VOLUME])
@pytest.mark.parametrize("patches", [8, 30, 150])
def test_border__maps_of_many_patches_are_classes(shape, patches):
    """Each voxel of the organ belongs to the nearest of some seeds, as in an atlas."""
    inside = np.argwhere(organ(shape))
    seeds = np.zeros(shape, int)
    chosen = np.random.default_rng(patches).choice(len(inside), patches, replace=False)
    seeds[tuple(inside[chosen].T)] = np.arange(1, patches + 1)
    nearest = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
    assert not border(np.where(organ(shape) > 0, seeds[tuple(nearest)], 0)).is_grey


def test_border__worked_by_hand():
    """A row of pixels 0 0 1 2 3 4 5 6 7 9 9 9, ten times: each grey one has a lower and a higher neighbour."""
    label = np.tile([0, 0, 1, 2, 3, 4, 5, 6, 7, 9, 9, 9], (10, 1))[..., None]
    found = border(label)
    assert (found.values, found.highest, found.flat, found.between) == (8, 9, True, 1.0)
    assert found.variety == pytest.approx((2 * 2 / 6 + 5 * 3 / 9) / 7)  # 1 and 7 have two grey columns around them
    assert not found.is_grey


def test_border__nothing_to_be_seen():
    rows = np.arange(10)[:, None, None] * np.ones((1, 10, 1), int)
    assert border(rows) is not None
    assert border(rows, ignore=9) is not None
    assert border(np.where(rows > 6, 0, rows)) is None  # six values
    assert border(np.where(rows > 7, 0, rows), ignore=1) is None  # six that count
    assert border(rows[:, :2]) is None  # too few voxels


def test_border__the_same_for_each_order_in_memory():
    mask = zoomed(organ(VOLUME) * 64, 1.3).astype(np.uint8)
    counts = count_values(mask)
    assert border_of(np.ascontiguousarray(mask), counts).is_grey and border_of(np.asfortranarray(mask), counts).is_grey
    assert border_of(mask[::-1, :, ::-1], counts).is_grey
    assert isinstance(border_of(mask.astype(np.int32), counts), Border)


def grey_and_colour(root):
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 255, (8, 9), np.uint8)
    return (
        write_png(root / "grey.png", grey),
        write_png(root / "equal.png", np.repeat(grey[..., None], 3, axis=-1)),
        write_png(root / "colour.png", rng.integers(0, 255, (8, 9, 3), np.uint8)),
    )


def test_is_colour(tmp_path):
    assert [is_colour(path) for path in grey_and_colour(tmp_path)] == [False, False, True]
    assert not is_colour(write_text(tmp_path / "text.png", "text"))


def test_channels__most_images_decide(tmp_path):
    grey, equal, colour = grey_and_colour(tmp_path)
    assert [channel.name for channel in infer_channels([colour, colour, grey], folder="things")] == [
        "red",
        "green",
        "blue",
    ]
    (channel,) = infer_channels([grey, equal, colour], folder="things")
    assert (channel.name, channel.modality) == ("image", "other")


@pytest.mark.parametrize(
    ("names", "folder", "expected"),
    [
        ((), "ct_liver", [("CT", "ct")]),
        (("image",), "us_thyroid", [("image", "us")]),
        (("t1",), "ct_liver", [("t1", "mr")]),
        ((), "study_b", [("image", "other")]),
        ((), "group-r", [("image", "other")]),
        ((), "dr_miller_mri", [("MR", "mr")]),
        ((), "brain_us_site", [("image", "other")]),
        (("r",), "things", [("r", "other")]),
        (("t1", "flair"), "x", [("t1", "mr"), ("flair", "mr")]),
        (("channel 0", "channel 1"), "ct_liver", [("channel 0", "other"), ("channel 1", "other")]),
        (("pet", "0001"), "ct_liver", [("pet", "pet"), ("0001", "other")]),
    ],
)
def test_channels__names_before_the_folders_name(tmp_path, names, folder, expected):
    path = write_nifti(tmp_path / "a.nii.gz", ball(0)[0])
    found = [(channel.name, channel.modality) for channel in infer_channels([path], names=names, folder=folder)]
    assert found == expected
