"""What surface measures are checked against: two libraries, and the formulas of a third written with SciPy."""

import warnings

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, distance_transform_edt


def deepmind():
    """The surface_distance module; its own use of names that SciPy renamed is not our concern."""
    return pytest.importorskip("surface_distance")


def deepmind_measures(truth, prediction, spacing, tolerance) -> dict[str, float]:
    module = deepmind()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = module.compute_surface_distances(truth, prediction, spacing)
    sides = (
        (found["distances_gt_to_pred"], found["surfel_areas_gt"]),
        (found["distances_pred_to_gt"], found["surfel_areas_pred"]),
    )
    return {
        "nsd": module.compute_surface_dice_at_tolerance(found, tolerance),
        "hd": module.compute_robust_hausdorff(found, 100),
        "hd95": module.compute_robust_hausdorff(found, 95),
        "asd": sum(d @ a for d, a in sides) / sum(a.sum() for _, a in sides),
        "directed": module.compute_average_surface_distance(found),
    }


def monai_measures(truth, prediction, spacing, tolerance) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that its libraries, and it, deprecate: no concern of ours
        return _monai_measures(pytest.importorskip("monai.metrics"), truth, prediction, spacing, tolerance)


def _monai_measures(metrics, truth, prediction, spacing, tolerance) -> dict[str, float]:
    import torch

    y, y_pred = (torch.from_numpy(np.ascontiguousarray(mask))[None, None] for mask in (truth, prediction))
    common = {"include_background": True, "spacing": list(spacing)}
    return {
        "nsd": metrics.compute_surface_dice(y_pred, y, [tolerance], **common).item(),
        "hd": metrics.compute_hausdorff_distance(y_pred, y, **common).item(),
        "hd95": metrics.compute_hausdorff_distance(y_pred, y, percentile=95, **common).item(),
        "asd": metrics.compute_average_surface_distance(y_pred, y, symmetric=True, **common).item(),
        "nsd_subvoxel": metrics.compute_surface_dice(y_pred, y, [tolerance], use_subvoxels=True, **common).item(),
    }


def distance_transform_measures(truth, prediction, spacing, tolerance) -> dict[str, float]:
    """The formulas of Metrics Reloaded's reference implementation, in double precision: erosion and a distance transform."""
    edges = [np.pad(mask, 1) & ~binary_erosion(np.pad(mask, 1)) for mask in (truth, prediction)]
    to_truth, to_prediction = (distance_transform_edt(~edge, sampling=spacing) for edge in edges)
    sides = to_prediction[edges[0]], to_truth[edges[1]]
    both = np.concatenate(sides)
    return {
        "nsd": float(np.mean(both <= tolerance)),
        "hd": float(both.max()),
        "hd95": float(max(np.percentile(side, 95) for side in sides)),
        "asd": float(both.mean()),
    }
