"""Facts of one case and of a whole data set: what one pass over every voxel leaves behind.

CaseFacts are made by checks.check and read by fingerprint.fingerprint and the split; nothing is read twice.
Shapes and spacings are in the file's own index order I, J, K here; a Fingerprint is in canonical order (x, y, z).
"""

from pydantic import Field

from scanwright.dataset.task import Choice, Frozen, Modality
from scanwright.types import Shape3, Triple, Unit


class Intensity(Frozen):
    """Intensities of some voxels of one channel, in the file's own scale; percentiles 0.5, 50 and 99.5."""

    min: float
    max: float
    mean: float
    std: float
    p005: float
    p500: float
    p995: float


class CaseFacts(Frozen):
    """What one case looks like, over all its voxels.

    shape, spacing: of the first image, in I, J, K; spacing in `unit`. orientation: closest axes, such as "RAS".
    dtype: of the first image as read. image_hashes: SHA-256 of each image file's decoded voxels, type and shape;
        label_hash: the same of the label; grid_hash: of the grids of all images.
    channels: intensities over the whole image, one for each channel.
    body_start, body_shape: the bounding box of voxels that are non-zero in some channel; body_fraction: its share of
        the image.
    label_counts: voxels of each label value, as they are in the file (0 included); None without a label.
    foreground_start, foreground_shape: the bounding box of voxels in some region; shape (0, 0, 0) if there is none.
    region_voxels, region_components: by region name; components (26-connected) are absent where the box is large.
    region_centers: centre of mass of each region that is there, as shares of the image along I, J, K, in [0, 1].
    foreground_sample: for each channel up to SAMPLE voxels of the regions, drawn with a fixed generator. Not part of
        the JSON.
    seconds: time to read and look at it.
    """

    id: str
    patient: str
    shape: Shape3
    spacing: Triple
    orientation: str
    unit: Unit
    dtype: str
    image_hashes: tuple[str, ...]
    label_hash: str | None = None
    grid_hash: str
    channels: tuple[Intensity, ...]
    body_start: Shape3
    body_shape: Shape3
    body_fraction: float
    label_counts: dict[int, int] | None = None
    foreground_start: Shape3 = (0, 0, 0)
    foreground_shape: Shape3 = (0, 0, 0)
    region_voxels: dict[str, int] = Field(default_factory=dict)
    region_components: dict[str, int] = Field(default_factory=dict)
    region_centers: dict[str, Triple] = Field(default_factory=dict)
    foreground_sample: tuple[tuple[float, ...], ...] = Field(default=(), exclude=True, repr=False)
    seconds: float = 0.0

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel in mm³ (px³ where the unit is px)."""
        return self.spacing[0] * self.spacing[1] * self.spacing[2]


class Spread(Frozen):
    """How a number varies over cases."""

    min: float
    p10: float
    median: float
    p90: float
    max: float


class ChannelPrint(Frozen):
    """One channel over the data set.

    foreground: the pooled samples of voxels inside the regions; None if no case has any.
    whole: over all voxels; min and max over all cases, mean, std and percentiles are medians over cases.
    """

    name: str
    modality: Modality
    foreground: Intensity | None
    whole: Intensity


class RegionPrint(Frozen):
    """One region over the cases that have it: volume in ml (unit "mm") or px, share of the image's voxels, pieces.

    center: of mass, as shares of the image from left to right, posterior to anterior, inferior to superior.
    """

    name: str
    present: int
    volume: Spread | None
    share: Spread | None
    components: Spread | None
    center: tuple[Spread, Spread, Spread] | None = None


class ClassPrint(Frozen):
    """One class of whole images, and how many cases have it."""

    name: str
    cases: int


class QuantityPrint(Frozen):
    """One quantity over the cases of which it is known. deviation: population standard deviation."""

    name: str
    known: int
    mean: float
    deviation: float
    spread: Spread


class BoxPrint(Frozen):
    """One class of boxes: how many there are in all cases, ignored ones left out, how many cases have any, how many each case
    has, and their edges in canonical order (x, y, z), in millimetres or pixels; null where there is none.
    """

    name: str
    boxes: int
    cases: int
    each: Spread
    size: tuple[Spread, Spread, Spread] | None


class Fingerprint(Frozen):
    """A data set in numbers, small enough to read: medians, percentiles and ranges only.

    All triples are in canonical order: x (left-right), y (posterior-anterior), z (inferior-superior).
    dimension: 2 if every case has a single slice along one and the same canonical axis (`flat_axis`), else 3.
    shape: voxels of the whole image; body_shape: of the box around non-zero voxels; extent, body_extent: the same times
        spacing.
    foreground_extent: of the box around all regions, over cases that have any.
    orientations, dtypes: how many cases have each. body_fraction: see CaseFacts.
    background_share: mean share of voxels in no region. imbalance: most frequent region's voxels over the rarest one's,
        or None.
    choice: how classes of whole images go together, as in the task; None if the target is another.
    digest: SHA-256 of all the rest in canonical JSON.
    """

    num_cases: int
    num_patients: int
    dimension: int
    flat_axis: int | None
    unit: Unit
    shape: tuple[Spread, Spread, Spread]
    body_shape: tuple[Spread, Spread, Spread]
    spacing: tuple[Spread, Spread, Spread]
    extent: tuple[Spread, Spread, Spread]
    body_extent: tuple[Spread, Spread, Spread]
    foreground_extent: tuple[Spread, Spread, Spread] | None
    voxels: Spread
    body_fraction: Spread
    orientations: dict[str, int]
    dtypes: dict[str, int]
    channels: tuple[ChannelPrint, ...]
    regions: tuple[RegionPrint, ...]
    background_share: float
    imbalance: float | None
    choice: Choice | None = None
    classes: tuple[ClassPrint, ...] = ()
    quantities: tuple[QuantityPrint, ...] = ()
    boxes: tuple[BoxPrint, ...] = ()
    digest: str = ""
