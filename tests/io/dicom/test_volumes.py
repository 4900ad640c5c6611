"""Volumes of one series kept apart, and named by what tells them apart."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from made_dicom import DR, ENHANCED_MR, header, placed, slices, write
from scanwright.io.dicom.intake import open_instance
from scanwright.io.dicom.slices import read_slices
from scanwright.io.dicom.volumes import to_volumes


def slices_of(paths):
    return [one for path in paths for one in read_slices(open_instance(path))]


def named(paths):
    """Names and shapes of volumes, and the messages of what was refused."""
    stacks, refused = to_volumes(slices_of(paths))
    return {one.name: one.grid.shape for one in stacks}, [one.error.message for one in refused]


def test_one_volume_has_no_name(tmp_path):
    assert named(slices(tmp_path, [0, 1, 2])) == ({"": (5, 4, 3)}, [])


def test_echoes(tmp_path):
    made = slices(
        tmp_path, [0, 1, 2] * 2, EchoTime=[4.6, 4.6, 4.6, 9.2, 9.2, 9.2], SOPInstanceUID=[f"1.{n}" for n in range(6)]
    )
    assert named(made) == ({"echo 4.6": (5, 4, 3), "echo 9.2": (5, 4, 3)}, [])


def test_image_types_are_named_by_the_words_that_differ(tmp_path):
    made = slices(tmp_path, [0, 1], ImageType=["ORIGINAL", "PRIMARY", "M", "FFE"])
    made += slices(tmp_path, [0, 1], ImageType=["ORIGINAL", "PRIMARY", "P", "FFE"])
    assert set(named(made)[0]) == {"M", "P"}


def test_two_labels_at_once(tmp_path):
    """Two echoes of magnitude and phase: four volumes."""
    made = []
    for kind in ("M", "P"):
        for echo in (3.0, 6.0):
            made += slices(tmp_path, [0, 1, 2], EchoTime=echo, ImageType=["ORIGINAL", "PRIMARY", kind])
    assert set(named(made)[0]) == {"M echo 3", "M echo 6", "P echo 3", "P echo 6"}


def test_a_label_that_parts_nothing_is_no_name(tmp_path):
    """Every slice has a time of its own: a volume of one slice each would be nonsense; acquisitions part them."""
    made = slices(tmp_path, [0, 1, 2] * 2, AcquisitionNumber=[1, 1, 1, 2, 2, 2])
    for number, path in enumerate(made):
        dataset = open_instance(path).dataset
        dataset.AcquisitionTime = f"1200{number:02d}"
        dataset.PixelData = np.zeros((4, 5), np.int16).tobytes()
        dataset["PixelData"].VR = "OW"
        write(path, dataset)
    assert set(named(made)[0]) == {"acquisition 1", "acquisition 2"}


def test_instance_numbers_as_the_last_resort(tmp_path):
    made = slices(tmp_path, [0, 1, 0, 1, 0, 1])
    stacks, _ = to_volumes(slices_of(made))
    assert [one.name for one in stacks] == ["number 1", "number 2", "number 3"]
    assert [[slice_.number for slice_ in one.slices] for one in stacks] == [[1, 2], [3, 4], [5, 6]]
    assert {one.notes for one in stacks} == {("told from other volumes of its series by instance numbers alone",)}


def test_numbers_of_slices_that_were_acquired_in_turns(tmp_path):
    """Every number of the first volume comes before those of the second, whatever their order is within it."""
    made = slices(tmp_path, [0, 1, 2, 3] * 2, InstanceNumber=[1, 3, 2, 4, 5, 7, 6, 8])
    stacks, _ = to_volumes(slices_of(made))
    assert [[slice_.number for slice_ in one.slices] for one in stacks] == [[1, 3, 2, 4], [5, 7, 6, 8]]


@pytest.mark.parametrize(
    "numbers",
    [
        [1, 4, 5, 8, 2, 3, 6, 7],  # two volumes whose slices were numbered place by place, in turns
        [1, 3, 5, 7, 2, 4, 6, 8],  # place by place: which of a place belongs to which of the next?
    ],
)
def test_instance_numbers_that_are_no_sure_sign_are_not_used(tmp_path, numbers):
    made = slices(tmp_path, [0, 1, 2, 3] * 2, InstanceNumber=numbers)
    assert named(made) == ({}, ["several slices in one place, and nothing in their headers tells them apart"])


def test_a_volume_with_fewer_slices_than_the_others_is_noted(tmp_path):
    """A time point without its last slice has no gap."""
    stacks, _ = to_volumes(slices_of(slices(tmp_path, [0, 1, 2, 0, 1], EchoTime=[1, 1, 1, 2, 2])))
    assert [one.notes for one in stacks] == [(), ("2 slices, where others of its series have 3",)]


def test_slices_with_and_without_a_place_are_refused(tmp_path):
    made = slices(tmp_path, [0, 1, 2])
    made.append(write(tmp_path / "x.dcm", header(np.zeros((4, 5), np.int16), SOPInstanceUID="9")))
    assert named(made) == ({}, ["slices with and without a place in one series"] * 2)
    colour = write(tmp_path / "y.dcm", header(np.zeros((4, 5, 3), np.uint8), SOPInstanceUID="10"))
    assert set(named([*made[:3], colour])[0]) == {"axial 5 x 4", "5 x 4 colour"}


def turned_about_x(tmp_path, degrees):
    made = []
    for number, angle in enumerate(np.radians(degrees)):
        values = placed(
            (0, 0, number), directions=(1, 0, 0, 0, np.cos(angle), np.sin(angle)), SOPInstanceUID=f"2.{number}"
        )
        made.append(write(tmp_path / f"{number}.dcm", header(np.zeros((4, 5), np.int16), **values)))
    return made


def test_a_drifting_direction_is_refused(tmp_path):
    shapes, refused = named(turned_about_x(tmp_path, [0, 0.1, 0.2, 0.3]))
    assert (shapes, set(refused)) == ({}, {"slices that are nearly parallel, but not quite"})


def test_stacks_that_are_nearly_parallel_are_two_volumes_where_labels_say_so(tmp_path):
    made = turned_about_x(tmp_path, [0, 0.3])
    for number, path in enumerate(made):
        dataset = pydicom.dcmread(path)
        dataset.TemporalPositionIdentifier = number + 1
        dataset.save_as(path)
    shapes, refused = named(made)
    assert (len(shapes), refused) == (2, [])


def test_two_spacings_of_one_direction_are_two_volumes(tmp_path):
    made = slices(tmp_path, [0, 1]) + slices(tmp_path, [0, 1], PixelSpacing=[0.4, 0.4])
    assert set(named(made)[0]) == {"axial 5 x 4 group 1", "axial 5 x 4 group 2"}


def test_several_directions_of_one_plane_have_names_of_their_own(tmp_path):
    assert set(named(turned_about_x(tmp_path, [0, 20]))[0]) == {"axial 5 x 4 group 1", "axial 5 x 4 group 2"}


def test_an_unequal_rest_is_refused(tmp_path):
    assert named(slices(tmp_path, [0, 1, 2, 0, 1])) == (
        {},
        ["several slices in one place, and nothing in their headers tells them apart"],
    )
    same_number = slices(tmp_path / "b", [0, 1, 0, 1], InstanceNumber=[1, 1, 1, 1])
    assert named(same_number)[1] == ["several slices in one place, and nothing in their headers tells them apart"]


def test_two_directions_and_two_sizes_are_two_volumes(tmp_path):
    made = slices(tmp_path, [0, 1, 2])
    for number in range(2):
        values = placed((number, 0, 0), directions=(0, 1, 0, 0, 0, -1), SOPInstanceUID=f"2.{number}")
        made.append(write(tmp_path / f"s{number}.dcm", header(np.zeros((4, 5), np.int16), **values)))
    made.append(
        write(tmp_path / "large.dcm", header(np.zeros((8, 8), np.int16), **placed((0, 0, 0)), SOPInstanceUID="3"))
    )
    assert named(made)[0] == {"axial 5 x 4": (5, 4, 3), "sagittal 5 x 4": (5, 4, 2), "axial 8 x 8": (8, 8, 1)}


def test_one_bad_volume_does_not_take_the_others_with_it(tmp_path):
    made = slices(tmp_path, [0, 1, 2, 0, 1, 5], EchoTime=[1, 1, 1, 2, 2, 2])
    shapes, refused = named(made)
    assert (shapes, refused) == ({"echo 1": (5, 4, 3)}, ["3 slices are missing"])


def test_pictures_without_a_place(tmp_path):
    plane = np.zeros((4, 5), np.uint16)
    sized = write(tmp_path / "a.dcm", header(plane, SOPClassUID=DR, PixelSpacing=[0.2, 0.1]))
    stacks, _ = to_volumes(slices_of([sized]))
    assert (stacks[0].grid.unit, stacks[0].grid.spacing, stacks[0].grid.shape) == ("mm", (0.1, 0.2, 1), (5, 4, 1))
    bare = write(tmp_path / "b.dcm", header(plane, SOPClassUID=DR, InstanceNumber=2))
    stacks, _ = to_volumes(slices_of([bare]))
    assert (stacks[0].grid.unit, stacks[0].grid.orientation) == ("px", "LPS")
    assert [one.name for one in to_volumes(slices_of([bare, sized]))[0]] == ["picture 1", "picture 2"]


def test_a_cine_is_a_volume_a_frame(tmp_path):
    cine = write(tmp_path / "a.dcm", header(np.zeros((3, 4, 5), np.uint8), Modality="US"))
    assert list(named([cine])[0]) == ["frame 1", "frame 2", "frame 3"]


def group(**elements):
    made = Dataset()
    for name, value in elements.items():
        setattr(made, name, Sequence([value]) if isinstance(value, Dataset) else value)
    return made


def test_an_enhanced_object_of_two_echoes(tmp_path):
    """Four frames in no order: two echoes of two slices."""
    own = [
        group(
            PlanePositionSequence=group(ImagePositionPatient=[0, 0, z]),
            MREchoSequence=group(EffectiveEchoTime=float(echo)),
        )
        for z, echo in ((3, 10), (0, 20), (0, 10), (3, 20))
    ]
    shared = group(
        PlaneOrientationSequence=group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        PixelMeasuresSequence=group(PixelSpacing=[1, 1], SliceThickness=3),
    )
    made = header(
        np.arange(4, dtype=np.uint16)[:, None, None] * np.ones((4, 5), np.uint16), SOPClassUID=ENHANCED_MR,
        SharedFunctionalGroupsSequence=Sequence([shared]), PerFrameFunctionalGroupsSequence=Sequence(own),
    )  # fmt: skip
    stacks, refused = to_volumes(slices_of([write(tmp_path / "a.dcm", made)]))
    assert not refused
    assert {one.name: [slice_.frame for slice_ in one.slices] for one in stacks} == {
        "echo 10": [2, 0],
        "echo 20": [1, 3],
    }
    assert stacks[0].grid.spacing == pytest.approx((1, 1, 3))
