"""One frame's header: functional groups before shared ones, the top level where there are none; labels by maker."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from made_dicom import header
from scanwright.io.dicom.frame import frame_headers

GREY = np.zeros((2, 2), np.uint8)


def group(**elements):
    made = Dataset()
    for name, value in elements.items():
        setattr(made, name, Sequence([value]) if isinstance(value, Dataset) else value)
    return made


def test_group__own_before_shared():
    shared = group(PixelMeasuresSequence=group(SliceThickness=3), MREchoSequence=group(EffectiveEchoTime=10))
    own = [group(MREchoSequence=group(EffectiveEchoTime=echo)) for echo in (20, 30)]
    made = header(
        GREY, SharedFunctionalGroupsSequence=Sequence([shared]), PerFrameFunctionalGroupsSequence=Sequence(own)
    )
    frames = frame_headers(made, 3)
    assert all(frame.is_enhanced for frame in frames)
    assert [frame.group("PixelMeasuresSequence").SliceThickness for frame in frames] == [3, 3, 3]
    assert [frame.labels().get("echo") for frame in frames] == [20, 30, 10]
    assert len(frames[0].group("PlanePositionSequence")) == 0  # not the top level's


def test_group__the_top_level_of_a_plain_object():
    made = header(GREY, SliceThickness=3)
    (frame,) = frame_headers(made, 1)
    assert not frame.is_enhanced
    assert frame.group("PixelMeasuresSequence") is made


def test_scaled_by__the_top_level_where_frames_have_no_such_group():
    of_frame = group(PixelValueTransformationSequence=group(RescaleSlope=5))
    for own, shared, expected in ((group(), group(MREchoSequence=group()), 2), (of_frame, group(), 5)):
        made = header(
            GREY,
            RescaleSlope=2,
            SharedFunctionalGroupsSequence=Sequence([shared]),
            PerFrameFunctionalGroupsSequence=Sequence([own]),
        )
        assert frame_headers(made, 1)[0].scaled_by.RescaleSlope == expected
    assert frame_headers(header(GREY, RescaleSlope=2), 1)[0].scaled_by.RescaleSlope == 2


def test_labels__of_an_enhanced_frame():
    diffusion = group(
        DiffusionBValue=1000.0, DiffusionGradientDirectionSequence=group(DiffusionGradientOrientation=[0, 0, 1.0])
    )
    own = group(
        MRDiffusionSequence=diffusion,
        MRImageFrameTypeSequence=group(FrameType=["ORIGINAL", "PRIMARY"], ComplexImageComponent="PHASE"),
        FrameContentSequence=group(StackID="1", TemporalPositionIndex=4),
        CardiacSynchronizationSequence=group(NominalPercentageOfCardiacPhase=70.0),
    )
    made = header(GREY, PerFrameFunctionalGroupsSequence=Sequence([own]))
    labels = frame_headers(made, 1)[0].labels()
    assert labels["type"] == "ORIGINAL\\PRIMARY PHASE"
    assert (labels["b"], labels["direction"], labels["stack"], labels["time"], labels["phase"]) == (
        1000, "0.0000 0.0000 1.0000", "1", 4, 70,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("maker", "tag", "vr", "value", "b"),
    [
        ("SIEMENS", (0x0019, 0x100C), "IS", "800", 800),
        ("GE MEDICAL SYSTEMS", (0x0043, 0x1039), "IS", ["1000000600", "8", "0", "0"], 600),
        ("Philips Medical Systems", (0x2001, 0x1003), "FL", 400.0, 400),
        ("Somebody else", (0x0019, 0x100C), "IS", "800", None),
    ],
)
def test_labels__b_values_in_private_elements(maker, tag, vr, value, b):
    made = header(GREY, Manufacturer=maker)
    made.add_new(tag, vr, value)
    assert frame_headers(made, 1)[0].labels().get("b") == b


def test_labels__only_what_is_there():
    assert set(frame_headers(header(GREY), 1)[0].labels()) == {"type"}
