"""A whole image answered with a label map, and what the probabilities behind it say (evidence.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scanwright.geometry.volume import Volume
from scanwright.inference.evidence import Evidence, Look, region_borders
from scanwright.inference.opinions import Opinions
from scanwright.inference.predict import Engine
from scanwright.inference.volume import predict_surely
from scanwright.protocols import Listener
from scanwright.types import Array


@dataclass(frozen=True, slots=True)
class Told:
    """Labels on the image's own grid; how sure each voxel's finding is, (I, J, K) uint8 of 255ths, None where none is watched;
    and what the probabilities say.
    """

    labels: Volume
    sure: Array | None
    evidence: Evidence


def predict_with_evidence(
    engine: Engine,
    image: Volume,
    *,
    regions: Mapping[int, Sequence[int]],
    exclusive: bool,
    watched: Sequence[int] = (),
    slopes: Mapping[int, float] | None = None,
    sampled: bool = False,
    where: Path | None = None,
    tell: Listener | None = None,
) -> Told:
    """As `volume.predict_surely`, with evidence. Raises TooLarge, before it begins, if memory would not suffice.

    regions: the label values of each output that is a region, in their order; exclusive: whether one of all outputs is the
    answer in each voxel. watched: outputs whose largest probability is how
    sure a voxel is, their log-odds multiplied by `slopes`. sampled: whether voxels are drawn for a calibration.
    """
    look, opinions = (
        Look(outputs=tuple(regions), exclusive=exclusive, sampled=sampled),
        Opinions(tuple(regions), exclusive),
    )
    listening = replace(engine, opinions=opinions)
    labels, sure = predict_surely(listening, image, watched=watched, slopes=slopes, look=look, where=where, tell=tell)
    border = region_borders(labels.voxels[0], list(regions.values()))
    return Told(labels, sure, look.evidence(border, agreement=opinions.agreement))
