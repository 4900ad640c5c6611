import numpy as np
import pytest

from made_boxes import SCENE, coco_folder, coco_json, voc_folder, yolo_folder
from made_folders import ball, decathlon_folder, nnunet_folder, picture_folder, write_json, write_nifti, write_text
from made_images import class_folder, number_folder
from made_series import axial, slice_header, write_series
from scanwright.dataset.read import LAYOUTS, read_dataset
from scanwright.errors import InputError, UsageError
from scanwright.files import read_json
from scanwright.io.dicom.derived.provenance import Model
from scanwright.io.dicom.derived.seg_write import write_segmentation


def table_folder(root):
    """A table beside a folder of images."""
    write_nifti(root / "a/x.nii.gz", ball(1)[0])
    write_nifti(root / "a/y.nii.gz", ball(1)[1])
    write_text(root / "t.csv", "image,label\na/x.nii.gz,a/y.nii.gz\n")
    return root


def odd_folder(root):
    """A dataset.json of nothing that is known, beside a text."""
    write_text(root / "notes.txt", "nothing")
    write_json(root / "dataset.json", {"training": {"a": 1}, "test": 3, "labels": [], "modality": 7})
    return root


def listed_folder(root):
    """nnU-Net's explicit list, which the Decathlon's reader does not know."""
    write_nifti(root / "x.nii.gz", ball(1, values=(1, 2))[0])
    write_nifti(root / "y.nii.gz", ball(1, values=(1, 2))[1])
    listed = {"dataset": {"a": {"images": ["x.nii.gz"], "label": "y.nii.gz"}}}
    write_json(root / "dataset.json", {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1}, **listed})
    return root


def dicom_folder(root):
    """A series with a segmentation."""
    grid = axial()
    write_series(root / "images", grid)
    sources = [slice_header(grid, k) for k in range(grid.shape[2])]
    mask = np.zeros(grid.shape, np.bool_)
    mask[1:4, 1:3, 1:3] = True
    write_segmentation(root / "seg.dcm", {"Liver": mask}, grid=grid, sources=sources, model=Model("test", "1"))
    return root


def test_the_registry_is_complete():
    assert list(LAYOUTS) == [
        *(
            "nnunet",
            "decathlon",
            "table",
            "bids",
            "medmnist",
            "class-folders",
            "voc",
            "yolo",
            "coco",
            "box-table",
            "image-mask",
            "dicom",
        )
    ]
    assert all(module.LOOKED_FOR for module in LAYOUTS.values())


@pytest.mark.parametrize(
    ("make", "layout", "stated"),
    [
        (nnunet_folder, "nnunet", "nnU-Net raw folder: 4 cases of 4 patients"),
        (decathlon_folder, "decathlon", "Medical Segmentation Decathlon folder: 3 cases of 3 patients"),
        (picture_folder, "image-mask", "images in images/, masks in masks/: 4 cases of 4 patients"),
        (
            lambda root: voc_folder(root, test=()),
            "voc",
            "Pascal VOC folder with 6 boxes of 2 classes: 4 cases of 4 patients",
        ),
        (
            lambda root: coco_folder(root, test=()),
            "coco",
            "COCO annotations/instances_train2017.json with 6 boxes of 2 classes: 4 cases of 4 patients",
        ),
        (
            lambda root: yolo_folder(root, test=()),
            "yolo",
            "YOLO data.yaml with 6 boxes of 2 classes: 4 cases of 4 patients",
        ),
    ],
)
def test_each_layout_is_recognised_and_stated(tmp_path, make, layout, stated):
    dataset = read_dataset(make(tmp_path))
    assert (dataset.layout, dataset.stated.split(";")[0]) == (layout, stated)
    assert dataset.root == tmp_path
    assert [case.id for case in dataset.cases] == sorted(case.id for case in dataset.cases)
    assert "every case counts as a patient" in dataset.patients_from


def test_a_table_file_is_a_data_set(tmp_path):
    image, label = ball(0)
    write_nifti(tmp_path / "x.nii.gz", image)
    write_nifti(tmp_path / "y.nii.gz", label)
    write_text(tmp_path / "list.csv", "image,label,patient,split\nx.nii.gz,y.nii.gz,7,test\n")
    for root in (tmp_path, tmp_path / "list.csv"):
        dataset = read_dataset(root)
        assert (dataset.layout, dataset.cases[0].patient) == ("table", "7")
        assert dataset.stated.startswith("table list.csv: 1 case of 1 patient, 1 set apart for testing; ")


def test_an_explicit_list_outranks_folder_names(tmp_path):
    root = picture_folder(tmp_path, cases=2)
    write_text(root / "list.csv", "image,label\nimages/p00.png,masks/p00.png\n")
    assert read_dataset(root).layout == "table"
    assert read_dataset(root, layout="image-mask").layout == "image-mask"
    write_json(root / "scanwright.json", {"layout": "image-mask"})
    assert len(read_dataset(root).cases) == 2


def test_a_folder_that_fits_two_layouts(tmp_path):
    root = nnunet_folder(tmp_path)
    write_text(root / "list.csv", "image,label\nimagesTr/p00_0000.nii.gz,labelsTr/p00.nii.gz\n")
    with pytest.raises(InputError) as raised:
        read_dataset(root)
    assert "fits several layouts" in str(raised.value)
    assert "--layout nnunet|table" in raised.value.hint
    assert read_dataset(root, "table").layout == "table"


def test_no_such_layout(tmp_path):
    with pytest.raises(UsageError, match="one of nnunet, decathlon"):
        read_dataset(nnunet_folder(tmp_path), layout="kaggle")


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize(
    "make",
    [
        *(nnunet_folder, decathlon_folder, picture_folder, table_folder, odd_folder, listed_folder),
        *(voc_folder, coco_folder, yolo_folder, dicom_folder),
    ],
)
def test_every_layout_on_every_folder__read_or_refused(tmp_path, make, layout):
    root = make(tmp_path / "data")
    try:
        assert read_dataset(root, layout).layout == layout
    except (InputError, UsageError) as error:
        assert error.exit_code in (2, 4) and str(error)


FOLDERS = {
    "nnunet": nnunet_folder,
    "decathlon": decathlon_folder,
    "table": table_folder,
    "voc": voc_folder,
    "yolo": yolo_folder,
    "coco": coco_folder,
    "image-mask": picture_folder,
    "dicom": dicom_folder,
}
BOXES = {"voc", "yolo", "coco"}


@pytest.mark.parametrize("layout", sorted(FOLDERS))
def test_boxes_are_no_label_maps_and_label_maps_no_boxes(tmp_path, layout):
    root = FOLDERS[layout](tmp_path)
    fitting = {name for name, module in LAYOUTS.items() if module.detect(root) is not None}
    assert layout in fitting
    assert fitting == {layout} if layout in BOXES else not fitting & BOXES


@pytest.mark.parametrize("layout", sorted(FOLDERS.keys() - BOXES))
@pytest.mark.parametrize("boxes", sorted(BOXES))
def test_boxes_beside_label_maps__the_label_maps_are_taken(tmp_path, layout, boxes):
    root = FOLDERS[layout](tmp_path)
    FOLDERS[boxes](root, {f"x{name}": drawn for name, drawn in SCENE.items()})
    assert read_dataset(root).layout == layout
    assert read_dataset(root, boxes).task.kind == "detection"
    assert read_dataset(root, kind="detection").layout == boxes
    assert read_dataset(root, kind="segmentation").layout == layout
    write_json(root / "scanwright.json", {"layout": boxes})
    assert read_dataset(root).layout == boxes


def test_the_same_boxes_in_several_forms__coco_is_taken(tmp_path):
    root = yolo_folder(voc_folder(tmp_path))
    assert read_dataset(root).layout == "yolo"
    write_json(
        root / "boxes.json", coco_json({f"train/{name}": boxes for name, boxes in SCENE.items() if name != "p03"})
    )
    assert read_dataset(root).layout == "coco"


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        read_dataset(tmp_path / "nowhere")
    (tmp_path / ".hidden").mkdir()
    with pytest.raises(InputError, match="the folder is empty"):
        read_dataset(tmp_path)


def test_a_folder_of_something_else(tmp_path):
    write_text(tmp_path / "notes.txt", "hello")
    with pytest.raises(InputError) as raised:
        read_dataset(tmp_path)
    text = str(raised.value)
    assert raised.value.exit_code == 4
    assert all(name in text for name in ("notes.txt", "nnunet", "decathlon", "table", "image-mask"))
    with pytest.raises(InputError, match="not a data set"):
        read_dataset(tmp_path / "notes.txt")


def test_a_data_set_one_folder_further_down(tmp_path):
    nnunet_folder(tmp_path / "Dataset001_made")
    with pytest.raises(InputError) as raised:
        read_dataset(tmp_path)
    assert raised.value.hint == f"Did you mean {tmp_path / 'Dataset001_made'}?"


@pytest.mark.parametrize("name", ["../../up", "/absolute", "a\\b", ".hidden", "new\nline"])
def test_a_case_name_that_leads_out_of_the_folder(tmp_path, name):
    """Answers are written under the names of cases."""
    root = nnunet_folder(tmp_path, cases=2)
    entry = {"images": ["imagesTr/p00_0000.nii.gz"], "label": "labelsTr/p00.nii.gz"}
    description = read_json(root / "dataset.json")
    write_json(root / "dataset.json", {**description, "dataset": {name: entry, "plain": entry}})
    with pytest.raises(InputError, match="cannot be a file name") as raised:
        read_dataset(root)
    assert repr(name) in str(raised.value.found) and raised.value.exit_code == 4


def test_a_data_set_without_any_case(tmp_path):
    root = nnunet_folder(tmp_path, cases=2, channels=("CT", "PET"))
    for number in range(2):
        (root / f"imagesTr/p{number:02d}_0001.nii.gz").unlink()
    with pytest.raises(InputError) as raised:
        read_dataset(root)
    assert "no case in this data set" in str(raised.value)
    assert "missing-channel" in str(raised.value)


def test_symbolic_links_are_followed(tmp_path):
    picture_folder(tmp_path / "real", cases=2)
    (tmp_path / "linked").mkdir()
    for name in ("images", "masks"):
        (tmp_path / "linked" / name).symlink_to(tmp_path / "real" / name)
    (tmp_path / "linked/loop").symlink_to(tmp_path / "linked")
    assert len(read_dataset(tmp_path / "linked").cases) == 2


def test_names_with_spaces_and_umlauts(tmp_path):
    root = picture_folder(tmp_path / "Größe 1", cases=2)
    (root / "images/p00.png").rename(root / "images/ä b.png")
    (root / "masks/p00.png").rename(root / "masks/ä b.png")
    assert [case.id for case in read_dataset(root).cases] == ["p01", "ä b"]


def test_patients_of_a_sidecar_are_counted(tmp_path):
    root = picture_folder(tmp_path, cases=4)
    write_text(root / "metadata.csv", "id,patient_id\np00,a\np01,a\np02,b\np03,c\n")
    dataset = read_dataset(root)
    assert dataset.stated.split(";")[0].endswith("4 cases of 3 patients")
    assert dataset.patients_from == "column patient_id of metadata.csv"


@pytest.mark.parametrize(
    ("write", "kind", "words"),
    [(class_folder, "detection", "boxes as COCO, Pascal VOC or YOLO"), (class_folder, "segmentation", "label map")],
)
def test_what_is_wanted_and_not_there__what_to_do(tmp_path, write, kind, words):
    with pytest.raises(InputError, match="does not hold what is wanted") as raised:
        read_dataset(write(tmp_path), kind=kind)
    assert words in raised.value.hint


def test_unread_formats__are_counted_in_class_folders(tmp_path):
    root = class_folder(tmp_path)
    assert read_dataset(root).faults == ()
    for name in ("absent/a.webp", "absent/b.webp", "present/c.GIF", "present/._d.webp"):
        write_text(root / name, "x")
    (fault,) = read_dataset(root).faults
    assert (fault.code, fault.severity, fault.numbers) == ("unread-format", "warning", {"files": 3.0})
    assert fault.found == "2 .webp and 1 .gif files passed over, such as absent/a.webp"


def test_unread_formats__a_table_that_names_them(tmp_path):
    root = number_folder(tmp_path)
    (root / "images/c03.png").rename(root / "images/c03.webp")
    table = root / "cases.csv"
    table.write_text(table.read_text().replace("c03.png", "c03.webp").replace("c05.png", "gone.png"))
    faults = {fault.code + str(fault.case): fault for fault in read_dataset(root).faults}
    unread = next(fault for fault in faults.values() if "c03" in fault.found and fault.code == "missing-files")
    assert unread.found == "images/c03.webp: a format that is not read" and "Save it as PNG" in unread.action
    gone = next(fault for fault in faults.values() if "gone.png" in fault.found)
    assert gone.found == "no image file at images/gone.png" and "Restore the files" in gone.action


def test_unread_formats__nothing_else_there(tmp_path):
    for name in ("a/1.webp", "a/2.webp", "b/1.webp", "b/2.webp"):
        write_text(tmp_path / name, "x")
    with pytest.raises(InputError, match="no data set recognised") as raised:
        read_dataset(tmp_path)
    assert "not read: 4 .webp files" in raised.value.details[0]  # before all that was looked for
