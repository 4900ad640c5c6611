"""What a folder holds: names, links, and links to nothing."""

import pytest

from made_folders import ball, nnunet_folder, picture_folder, write_nifti
from scanwright.dataset.checks import check
from scanwright.dataset.layouts.listing import images_in, is_dead_link, require_target
from scanwright.dataset.read import read_dataset
from scanwright.errors import UnreadableFile


def test_images_in__files_links_and_links_to_nothing(tmp_path):
    image = write_nifti(tmp_path / "far/a.nii.gz", ball(0)[0])
    folder = tmp_path / "in"
    (folder / "folder.png").mkdir(parents=True)
    (folder / "notes.txt").touch()
    (folder / ".hidden.nii.gz").symlink_to("nowhere")
    (folder / "b.nii.gz").symlink_to(image)
    (folder / "c.nii.gz").symlink_to("nowhere.nii.gz")
    (folder / "d.nii.gz").symlink_to("d.nii.gz")
    (folder / "e.nii.gz").symlink_to(image.parent)
    (folder / "readme").symlink_to("nowhere")
    assert [path.name for path in images_in(folder)] == ["b.nii.gz", "c.nii.gz", "d.nii.gz"]
    assert [is_dead_link(path) for path in images_in(folder)] == [False, True, True]
    assert images_in(tmp_path / "absent") == []


def test_require_target(tmp_path):
    (tmp_path / "a.png").symlink_to("gone/x.png")
    with pytest.raises(UnreadableFile, match="a link to nothing") as caught:
        require_target(tmp_path / "a.png")
    assert caught.value.where == tmp_path / "a.png" and caught.value.found == "a link to gone/x.png"
    require_target(tmp_path / "absent.png")
    require_target(tmp_path)


@pytest.mark.parametrize("folder", ["imagesTr", "labelsTr"])
def test_check__a_link_to_nothing_in_a_data_set(tmp_path, folder):
    root = nnunet_folder(tmp_path)
    file = root / folder / ("p01_0000.nii.gz" if folder == "imagesTr" else "p01.nii.gz")
    file.unlink()
    file.symlink_to("/gone/p01.nii.gz")
    (fault,) = check(read_dataset(root)).errors
    what = "image" if folder == "imagesTr" else "label"
    assert (fault.code, fault.case, fault.file) == (f"unreadable-{what}", "p01", file)
    assert fault.found == "no such file: a link to nothing (a link to /gone/p01.nii.gz)"


def test_check__a_pair_of_links_to_nothing_is_no_case_less(tmp_path):
    root = picture_folder(tmp_path)
    for path in (root / "images/p01.png", root / "masks/p01.png"):
        path.unlink()
        path.symlink_to("/gone.png")
    faults = check(read_dataset(root)).errors
    assert [(fault.code, fault.case) for fault in faults] == [("unreadable-image", "p01"), ("unreadable-label", "p01")]
