"""One frame's header, whether a file holds one frame or thousands: functional groups are looked up where there are any.

Sources: DICOM PS3.3 C.7.6.16 (multi-frame functional groups), C.8.13 and C.8.15 (enhanced MR and CT), C.8.3.1 (MR image).
"""

from pydicom.dataset import Dataset

from scanwright.io.dicom.elements import NOTHING, Elements, item, items, number, numbers, private_number, text

Label = float | str

B_VALUES = ((0x0019, 0x100C, "SIEMENS"), (0x2001, 0x1003, "PHILIPS"), (0x0043, 0x1039, "GE"))
RESCALE = "PixelValueTransformationSequence"
GE_B_OFFSET = 1_000_000_000  # GE adds it to b-values of some sequences


def frame_headers(header: Elements, count: int) -> "list[FrameHeader]":
    """A header for each of `count` frames."""
    shared = item(header, "SharedFunctionalGroupsSequence")
    own = items(header, "PerFrameFunctionalGroupsSequence")
    enhanced = bool(own) or len(shared) > 0
    return [
        FrameHeader(header, own[number] if number < len(own) else NOTHING, shared, is_enhanced=enhanced)
        for number in range(count)
    ]


class FrameHeader:
    """What a data set says of one frame. own, shared: its functional groups, and those of all frames."""

    def __init__(self, header: Elements, own: Dataset, shared: Dataset, *, is_enhanced: bool) -> None:
        self.header = header
        self.own = own
        self.shared = shared
        self.is_enhanced = is_enhanced

    def group(self, sequence: str) -> Elements:
        """The item of a functional group: the frame's own, else the shared one, else nothing.

        An object without functional groups holds its values at the top: its whole header.
        """
        if not self.is_enhanced:
            return self.header
        return item(self.own, sequence) if sequence in self.own else item(self.shared, sequence)

    @property
    def scaled_by(self) -> Elements:
        """Where the rescale stands: the functional group, or the top level where frames have no such group.

        Multi-frame captures hold it at the top, with functional groups beside it (PS3.3 C.8.6.3).
        """
        return self.group(RESCALE) if RESCALE in self.own or RESCALE in self.shared else self.header

    def labels(self) -> dict[str, Label]:
        """What keeps volumes of one series apart, by name, the strongest first; only what the frame has."""
        content, timing = self.group("FrameContentSequence"), self.group("CardiacSynchronizationSequence")
        named: dict[str, Label | None] = {
            "type": self._type(),
            "stack": text(content, "StackID") or None,
            "echo": _first(number(self.group("MREchoSequence"), "EffectiveEchoTime"), number(self.header, "EchoTime")),
            "inversion": number(self.header, "InversionTime"),
            "kernel": text(self.group("CTReconstructionSequence"), "ConvolutionKernel") or None,
            "b": self._b_value(),
            "direction": self._direction(),
            "phase": _first(
                number(timing, "NominalPercentageOfCardiacPhase"),
                number(timing, "NominalCardiacTriggerDelayTime"),
            ),
            "time": _first(number(content, "TemporalPositionIndex"), number(self.header, "TemporalPositionIdentifier")),
            "trigger": number(self.header, "TriggerTime"),
            "acquisition": number(self.header, "AcquisitionNumber"),
            "acquired": text(content, "FrameAcquisitionDateTime")
            or text(self.header, "AcquisitionDateTime")
            or text(self.header, "AcquisitionTime")
            or None,
            "made": text(self.header, "ContentTime") or None,
        }
        return {name: label for name, label in named.items() if label is not None}

    def _type(self) -> str | None:
        """Image or frame type, with what a complex image shows (magnitude, phase)."""
        kind = self.group("MRImageFrameTypeSequence") if self.is_enhanced else self.header
        parts = (text(kind, "FrameType") or text(self.header, "ImageType"), text(kind, "ComplexImageComponent"))
        return " ".join(part for part in parts if part) or None

    def _b_value(self) -> float | None:
        diffusion = self.group("MRDiffusionSequence")
        found = number(diffusion, "DiffusionBValue")
        if found is not None or self.is_enhanced:
            return found
        maker = text(self.header, "Manufacturer").upper()
        for group, element, name in B_VALUES:
            own = private_number(self.header, group, element) if maker.startswith(name) else None
            if own is not None:
                return own % GE_B_OFFSET
        return None

    def _direction(self) -> str | None:
        diffusion = self.group("MRDiffusionSequence")
        found = numbers(item(diffusion, "DiffusionGradientDirectionSequence"), "DiffusionGradientOrientation")
        found = found or numbers(diffusion, "DiffusionGradientOrientation")
        return " ".join(f"{one:.4f}" for one in found) or None


def _first(*found: float | None) -> float | None:
    return next((one for one in found if one is not None), None)
