"""From the grid of a network's input back to the case's own."""

from scanwright.geometry.resample import resize
from scanwright.transform.preprocess import Placement
from scanwright.types import Array, Floats


def on_case_grid(map_DHW: Array, placement: Placement) -> Floats:
    """A map on the network's input, brought to the case's grid: (I, J, K) float32, linear between voxels.

    The map covers the kept box of the case, whatever its own shape; outside the box it is 0. Values are not rescaled, so a
    sum over voxels changes with their number.
    """
    return placement.back(resize(map_DHW[None], placement.box_shape, order=1)[0])
