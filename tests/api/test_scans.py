"""Files and folders as cases: names, channels, and what is refused."""

import numpy as np
import pytest

from made_folders import ball, made_task, write_nifti
from scanwright.api.scans import case_name, cases_of, channel_number
from scanwright.errors import InputError

ONE, TWO = made_task(), made_task(channels=("T1", "T2"))


@pytest.mark.parametrize(
    ("name", "number", "alone", "several"),
    [
        ("p1_0000.nii.gz", 0, "p1", "p1"),
        ("p1_0001.nii.gz", 1, "p1_0001", "p1"),
        ("p1_12.nii.gz", None, "p1_12", "p1_12"),
        ("p1_20240.nii", None, "p1_20240", "p1_20240"),
        ("_0000.png", None, "_0000", "_0000"),
        ("0000.png", None, "0000", "0000"),
        ("a.b_c_0003.seg.nrrd", 3, "a.b_c_0003", "a.b_c"),
        ("p1_٠٠٠١.png", None, "p1_٠٠٠١", "p1_٠٠٠١"),  # decimal digits, but not those of a channel
    ],
)
def test_names(tmp_path, name, number, alone, several):
    assert channel_number(tmp_path / name) == number
    assert case_name(tmp_path / name, several=False) == alone
    assert case_name(tmp_path / name, several=True) == several


def image(path, *, channels=1):
    voxels = ball(0)[0]
    return write_nifti(path, voxels if channels == 1 else np.stack([voxels] * channels, axis=-1))


def ids(paths, task):
    return [(case.id, [path.name for path in case.images]) for case in cases_of(paths, task)]


def test_one_channel__files_and_folders(tmp_path):
    for name in ("b_0000", "a", "c"):
        image(tmp_path / f"in/{name}.nii.gz")
    (tmp_path / "in/notes.txt").touch()
    (tmp_path / "in/.hidden.nii.gz").touch()
    single = image(tmp_path / "z_0000.nii.gz")
    assert ids([tmp_path / "in", single], ONE) == [
        ("a", ["a.nii.gz"]),
        ("b", ["b_0000.nii.gz"]),
        ("c", ["c.nii.gz"]),
        ("z", ["z_0000.nii.gz"]),
    ]


def test_two_channels__by_number_whatever_the_order(tmp_path):
    """The shell, or a person, may give channel 1 first: it stays channel 1."""
    second, first = image(tmp_path / "p_0001.nii.gz"), image(tmp_path / "p_0000.nii.gz")
    assert ids([second, first], TWO) == [("p", ["p_0000.nii.gz", "p_0001.nii.gz"])]
    assert ids([tmp_path], TWO) == [("p", ["p_0000.nii.gz", "p_0001.nii.gz"])]


def test_two_channels__plain_files_in_the_tasks_order(tmp_path):
    t2, t1 = image(tmp_path / "flair.nii.gz"), image(tmp_path / "t1.nii.gz")
    assert ids([t1, t2], TWO) == [("t1", ["t1.nii.gz", "flair.nii.gz"])]


def test_two_channels__two_files_that_hold_both(tmp_path):
    files = [image(tmp_path / f"{name}.nii.gz", channels=2) for name in "ab"]
    assert ids(files, TWO) == [("a", ["a.nii.gz"]), ("b", ["b.nii.gz"])]


def test_two_channels__three_files_of_one_case(tmp_path):
    files = [image(tmp_path / f"p_{number:04d}.nii.gz") for number in range(3)]
    with pytest.raises(InputError, match="not a file for each channel") as caught:
        ids(files, TWO)
    assert caught.value.expected == "T1, T2"


@pytest.mark.parametrize("task", [ONE, TWO])
def test_nothing_there(tmp_path, task):
    with pytest.raises(InputError, match="no such file or folder"):
        ids([tmp_path / "nothing.nii.gz"], task)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no image in this folder"):
        ids([tmp_path / "empty"], task)


def test_one_name_in_two_formats(tmp_path):
    image(tmp_path / "a.nii.gz")
    image(tmp_path / "a.nii")
    with pytest.raises(InputError, match="not a file for each channel"):
        ids([tmp_path], ONE)
