"""A whole image answered with a label map, and what the probabilities behind it say (evidence.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scanwright.geometry.volume import Volume
from scanwright.inference.evidence import Evidence, Look
from scanwright.inference.opinions import Opinions
from scanwright.inference.predict import Engine, assembled
from scanwright.inference.volume import fit_memory
from scanwright.protocols import Listener, Progress
from scanwright.transform.prepare import require_finite
from scanwright.transform.preprocess import to_network, whole
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
    watched: Sequence[int] = (),
    slopes: Mapping[int, float] | None = None,
    sampled: bool = False,
    where: Path | None = None,
    tell: Listener | None = None,
) -> Told:
    """As `volume.predict_surely`, with evidence. Raises TooLarge, before it begins, if memory would not suffice.

    regions: the label values of each output that is a region, in their order. watched: outputs whose largest probability is how
    sure a voxel is, their log-odds multiplied by `slopes`. sampled: whether voxels are drawn for a calibration.
    """
    fitted = fit_memory(engine, whole(image.grid, engine.plan.preprocess), where=where)
    network_input, placement = to_network(image, engine.plan.preprocess)
    require_finite(network_input, where=where)
    look = Look(outputs=tuple(regions), box=placement.box_shape, sampled=sampled)
    progress = None if tell is None else (lambda share: tell(Progress("predict", done=share, total=1.0)))
    opinions = Opinions(tuple(regions))
    labels, sure = assembled(
        replace(fitted, opinions=opinions),
        network_input,
        placement,
        watched=watched,
        slopes=slopes,
        look=look,
        progress=progress,
    )
    evidence = look.evidence(
        [np.isin(labels, values) for values in regions.values()], placement, agreement=opinions.agreement
    )
    return Told(Volume(labels[None], image.grid), sure, evidence)
