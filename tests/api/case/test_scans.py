"""Files and folders as cases: names, channels, what is refused; and that what was read in training is read the same."""

import shutil

import numpy as np
import pytest

from made_folders import (
    ball,
    decathlon_folder,
    made_task,
    nnunet_folder,
    picture_folder,
    write_json,
    write_nifti,
    write_png,
)
from scanwright.api.case.scans import asked_of, case_name, cases_of
from scanwright.dataset.read import read_dataset
from scanwright.dataset.task import Channel
from scanwright.errors import InputError

ONE, TWO = made_task(), made_task(channels=("T1", "T2"))
COLOUR = ONE.model_copy(
    update={"channels": tuple(Channel(name=name, modality="rgb") for name in ("red", "green", "blue"))}
)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("p1_0000.nii.gz", "p1"),
        ("p1_0001.nii.gz", "p1_0001"),
        ("p1_12.nii.gz", "p1_12"),
        ("_0000.png", "_0000"),
        ("0000.png", "0000"),
        ("a.b_c_0003.seg.nrrd", "a.b_c_0003"),
    ],
)
def test_names_of_single_images(tmp_path, name, case):
    assert case_name(tmp_path / name) == case


def image(path, *, channels=1):
    voxels = ball(0)[0]
    return write_nifti(path, voxels if channels == 1 else np.stack([voxels] * channels, axis=-1))


def images(root, *names):
    return [image(root / f"{name}.nii.gz") for name in names]


def ids(paths, task):
    return [(case.id, [path.name for path in case.images]) for case in cases_of(paths, task)]


def stems(paths, task):
    return {case.id: [path.name.removesuffix(".nii.gz") for path in case.images] for case in cases_of(paths, task)}


# ---- one channel ----


def test_one_channel__files_and_folders(tmp_path):
    images(tmp_path / "in", "b_0000", "a", "c")
    (tmp_path / "in/notes.txt").touch()
    (tmp_path / "in/.hidden.nii.gz").touch()
    single = image(tmp_path / "z_0000.nii.gz")
    assert ids([tmp_path / "in", single], ONE) == [
        ("a", ["a.nii.gz"]),
        ("b", ["b_0000.nii.gz"]),
        ("c", ["c.nii.gz"]),
        ("z", ["z_0000.nii.gz"]),
    ]


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (("p1", "p1_seg", "p2", "p2_mask", "p3_seg"), ["p1", "p2", "p3_seg"]),  # nothing else is p3: it may be a scan
        (("p1_0000", "p1_label"), ["p1_0000"]),
        (("scan_0001", "scan_0001_mask"), ["scan_0001"]),
        (("img_0001", "mask_0001", "img_0002"), ["img_0001", "img_0002"]),
        (("image", "mask"), ["image"]),
        (("ct", "seg"), ["ct"]),
        (("lesion_01", "lesion_02", "normal"), ["lesion_01", "lesion_02", "normal"]),
    ],
)
def test_one_channel__labels_beside_their_images(tmp_path, names, kept):
    images(tmp_path / "in", *names)
    assert [case.images[0].name for case in cases_of([tmp_path / "in"], ONE)] == [f"{name}.nii.gz" for name in kept]


def test_one_channel__a_label_given_as_a_file_is_answered(tmp_path):
    assert ids(images(tmp_path, "p1", "p1_seg"), ONE) == [("p1", ["p1.nii.gz"]), ("p1_seg", ["p1_seg.nii.gz"])]


def test_one_name_in_two_formats(tmp_path):
    image(tmp_path / "a.nii.gz")
    image(tmp_path / "a.nii")
    with pytest.raises(InputError, match="not a file for each channel"):
        ids([tmp_path], ONE)


# ---- several channels ----


@pytest.mark.parametrize("names", [("p_0000", "p_0001"), ("p_T1", "p_T2"), ("p_t1", "p_t2"), ("p-t1", "p t2")])
def test_two_channels__by_name_whatever_the_order(tmp_path, names):
    """The shell, or a person, may give the second channel first: it stays the second."""
    files = images(tmp_path / "in", *names)
    for given in (files, files[::-1], [tmp_path / "in"]):
        assert stems(given, TWO) == {"p": list(names)}


def test_two_channels__two_cases_in_one_call(tmp_path):
    files = images(tmp_path, "P0_t1", "P1_t2", "P0_t2", "P1_t1")
    assert stems(files, TWO) == {"P0": ["P0_t1", "P0_t2"], "P1": ["P1_t1", "P1_t2"]}


def test_two_channels__named_by_their_folder(tmp_path):
    files = [*images(tmp_path / "P0", "t2", "t1"), *images(tmp_path / "P1", "t2", "t1")]
    assert stems(files, TWO) == {"P0": ["t1", "t2"], "P1": ["t1", "t2"]}
    assert stems([tmp_path], TWO) == {"P0": ["t1", "t2"], "P1": ["t1", "t2"]}


def test_two_channels__plain_files_in_the_order_given(tmp_path):
    first, second = images(tmp_path, "zebra", "ape")
    assert ids([first, second], TWO) == [("zebra", ["zebra.nii.gz", "ape.nii.gz"])]


def test_two_channels__one_name_tells_both(tmp_path):
    second, other = images(tmp_path, "p_t2", "other")
    assert stems([second, other], TWO) == {"p": ["other", "p_t2"]}


def test_two_channels__two_files_that_hold_both(tmp_path):
    files = [image(tmp_path / f"{name}.nii.gz", channels=2) for name in "ab"]
    assert ids(files, TWO) == [("a", ["a.nii.gz"]), ("b", ["b.nii.gz"])]


def test_two_channels__files_that_hold_both_and_end_in_numbers(tmp_path):
    for number in (1, 2, 30):
        image(tmp_path / f"prostate_{number:04d}.nii.gz", channels=2)
    assert list(stems([tmp_path], TWO)) == ["prostate_0001", "prostate_0002", "prostate_0030"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("p_0000", "p_0001", "p_0002"), "a channel that the model does not have"),
        (("p_t1", "p_flair"), "a channel that the model does not have"),
        (("p_t1", "p_t2", "p_flair"), "a channel that the model does not have"),
        (("p_t1", "p_T1"), "two files for one channel"),
        (("p_t1", "p_0000"), "two files for one channel"),
        (("p_t1",), "not a file for each channel"),
        (("p_t1", "p_seg"), "not a file for each channel"),
        (("p_t1", "q_t2"), "not a file for each channel"),
        (("p_t1", "p_t2", "q_t1"), "not a file for each channel"),
    ],
)
def test_two_channels__names_that_contradict_the_task(tmp_path, names, message):
    files = images(tmp_path, *names)
    with pytest.raises(InputError, match=message) as caught:
        ids(files, TWO)
    assert caught.value.expected == "T1, T2"
    assert caught.value.found in ", ".join(file.name for file in files)
    assert "case_0000" in caught.value.hint


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("p_t1", "p_flair"), "a channel that the model does not have"),
        (("p_t1", "p_t2", "q_t2", "q_seg"), "not a file for each channel"),
        (("p_t1", "p_t2", "p_0001"), "two files for one channel"),
    ],
)
def test_two_channels__folders_that_contradict_the_task(tmp_path, names, message):
    images(tmp_path, *names)
    with pytest.raises(InputError, match=message):
        ids([tmp_path], TWO)


def test_two_channels__further_channels_in_a_folder_are_left_alone(tmp_path):
    images(tmp_path, "p_t1", "p_t2", "p_flair", "p", "p_seg", "q_seg")
    assert stems([tmp_path], TWO) == {"p": ["p_t1", "p_t2"]}


def test_two_channels__labels_by_name_that_are_channels_by_name(tmp_path):
    images(tmp_path, "lesion_t1", "lesion_t2", "p_t1", "p_t2")
    assert list(stems([tmp_path], TWO)) == ["lesion", "p"]


def test_two_channels__one_bad_file_is_left_to_the_reading(tmp_path):
    images(tmp_path, "p_t1", "p_t2", "q_t1")
    (tmp_path / "q_t2.nii.gz").write_text("not an image")
    assert list(stems([tmp_path], TWO)) == ["p", "q"]


def named(*names):
    return made_task(channels=names)


@pytest.mark.parametrize(
    ("task", "names", "order"),
    [
        (named("MRI_FLAIR", "MRI_T1"), ("p_t1", "p_flair"), ["p_flair", "p_t1"]),
        (named("ce t1", "t1"), ("p_t1", "p_ce t1"), ["p_ce t1", "p_t1"]),
        (named("perfusion", "CT"), ("p_ct", "p_perfusion"), ["p_perfusion", "p_ct"]),
        (named("", "flair"), ("p_flair", "p"), ["p", "p_flair"]),
        (named("channel 0", "channel 2"), ("p_0002", "p_0000"), ["p_0000", "p_0002"]),
        (named("channel 1", "channel 2"), ("p_0001", "p_0000"), ["p_0000", "p_0001"]),
        (named("MRI", "MRI "), ("p_0001", "p_0000"), ["p_0000", "p_0001"]),
    ],
)
def test_how_tasks_name_their_channels(tmp_path, task, names, order):
    images(tmp_path, *names)
    assert stems([tmp_path], task) == {"p": order}


def test_words_that_say_nothing_to_the_task(tmp_path):
    """channel 1 and channel 2 are a table's: the order given stays, and a folder has none."""
    files = images(tmp_path, "p_t2", "p_t1")
    assert stems(files, named("channel 1", "channel 2")) == {"p": ["p_t2", "p_t1"]}
    with pytest.raises(InputError, match="which channel is which"):
        ids([tmp_path], named("channel 1", "channel 2"))


def test_colours_lie_in_one_file(tmp_path):
    colour, grey = np.zeros((8, 9, 3), np.uint8), np.zeros((8, 9), np.uint8)
    files = [write_png(tmp_path / f"in_{number:04d}.png", colour if number else grey) for number in range(3)]
    write_png(tmp_path / "in_0001_mask.png", grey)
    expected = [(file.name.removesuffix(".png"), [file.name]) for file in files]
    assert ids(files, COLOUR) == expected
    assert ids([tmp_path], COLOUR) == expected


# ---- folders of folders ----


def test_folders_below(tmp_path):
    images(tmp_path / "P0", "P0_t1", "P0_t2", "P0_seg")
    images(tmp_path / "P1", "scan_t1", "other_t2", "seg")
    images(tmp_path / "labels", "P0", "P1")
    (tmp_path / "empty").mkdir()
    assert stems([tmp_path], TWO) == {"P0": ["P0_t1", "P0_t2"], "P1": ["scan_t1", "other_t2"]}
    assert stems([tmp_path / "P0"], TWO) == {"P0": ["P0_t1", "P0_t2"]}


@pytest.mark.parametrize("task", [ONE, TWO])
def test_nothing_there(tmp_path, task):
    with pytest.raises(InputError, match="no such file or folder"):
        ids([tmp_path / "nothing.nii.gz"], task)
    (tmp_path / "empty/inner/inmost").mkdir(parents=True)
    image(tmp_path / "empty/inner/inmost/a.nii.gz")
    with pytest.raises(InputError, match="no image in this folder"):
        ids([tmp_path / "empty"], task)


# ---- what is trained on is answered ----


def case_folders(root, *, channels, beside=False):
    """root/P0/P0_t1 + P0_t2 + P0_seg, or the same files in one folder."""
    for case in ("P0", "P1", "P2"):
        for name in (*channels, "seg"):
            image, label = ball(0, values=(1, 2))
            voxels = label if name == "seg" else image
            write_nifti(root / ("" if beside else case) / f"{case}{'_' * bool(name)}{name}.nii.gz", voxels)
    return root


def plain_case_folders(root):
    for case in ("a", "b"):
        write_nifti(root / case / "image.nii.gz", ball(0)[0])
        write_nifti(root / case / "mask.nii.gz", ball(0)[1])
    return root


def channels_in_image_folder(root):
    case_folders(root / "images", channels=("t1", "flair"), beside=True)
    (root / "labels").mkdir()
    for file in root.glob("images/*_seg.nii.gz"):
        shutil.move(file, root / "labels" / file.name)
    return root


def four_dimensional(root):
    decathlon_folder(root, modality={"0": "T2", "1": "ADC"})
    for file in root.glob("imagesTr/*"):
        image(file, channels=2)
    return root


def declared_order(root):
    write_json(root / "scanwright.json", {"channels": ["T2", "T1"]})
    return case_folders(root, channels=("t1", "t2"))


LAYOUTS = {
    "nnunet": lambda root: nnunet_folder(root),
    "nnunet of two channels": lambda root: nnunet_folder(root, channels=("CT", "PET")),
    "decathlon": lambda root: decathlon_folder(root),
    "decathlon of two channels": four_dimensional,
    "image and mask folders": lambda root: picture_folder(root, suffix="_mask"),
    "two channels in the image folder": channels_in_image_folder,
    "case folders": lambda root: case_folders(root, channels=("t1", "t2")),
    "case folders of one channel": plain_case_folders,
    "case folders in a declared order": declared_order,
    "case folders, one channel without a word": lambda root: case_folders(root, channels=("", "flair")),
    "side by side": lambda root: case_folders(root, channels=("",), beside=True),
    "side by side of two channels": lambda root: case_folders(root, channels=("t1", "t2"), beside=True),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_trained_on_is_answered(tmp_path, layout):
    """The data folder itself gives the cases that it was read as; so do its images in any order, file by file."""
    dataset = read_dataset(LAYOUTS[layout](tmp_path / "data"))
    expected = [(case.id, case.images) for case in dataset.cases]
    assert not dataset.faults and len(expected) >= 2
    assert [(case.id, case.images) for case in cases_of([tmp_path / "data"], dataset.task)] == expected
    files = sorted({file for case in dataset.cases for file in case.images}, reverse=True)
    by_file = [(case.id, case.images) for case in cases_of(files, dataset.task)]
    if layout == "case folders of one channel":  # a single image alone goes by its own name
        assert by_file == [("image", (file,)) for file in files]
    else:
        assert sorted(by_file) == expected


def test_dicom_files_among_other_images_are_refused(tmp_path):
    for name in ("a.png", "b.png", "c.dcm"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="DICOM files among other images"):
        list(cases_of([tmp_path], ONE))


@pytest.mark.parametrize(("task", "shape"), [(ONE, (8, 8)), (COLOUR, (8, 8, 3))])
def test_archives__are_answered_beside_other_scans(tmp_path, task, shape):
    arrays = {f"{side}_images": np.zeros((2, *shape), np.uint8) for side in ("train", "test")}
    np.savez_compressed(tmp_path / "made.npz", **arrays)
    other = write_png(tmp_path / "p1.png", np.zeros((8, 8), np.uint8))
    asked = asked_of([tmp_path / "made.npz", other], task)
    assert [case.id for case in asked.cases] == ["test_00000", "test_00001", "p1"]
    assert asked.left_out == ("made.npz: 2 of train_images, which are there to be learned from",)
