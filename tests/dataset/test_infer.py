import numpy as np
import pytest

from made_folders import ball, write_nifti, write_png, write_text
from scanwright.dataset.infer import infer_channels, infer_regions, is_colour
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


def test_regions__unreadable_files_are_left_to_the_checks(tmp_path):
    good, bad = labels(tmp_path, ball(0)[1])[0], write_text(tmp_path / "bad.nii.gz", "text")
    assert len(infer_regions([bad, good])) == 1
    with pytest.raises(InputError, match="bad"):
        infer_regions([bad])


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
        (("pet", "0001"), "ct_liver", [("pet", "other"), ("0001", "other")]),
    ],
)
def test_channels__names_before_the_folders_name(tmp_path, names, folder, expected):
    path = write_nifti(tmp_path / "a.nii.gz", ball(0)[0])
    found = [(channel.name, channel.modality) for channel in infer_channels([path], names=names, folder=folder)]
    assert found == expected
