"""The real ladder of candidates: what budgets of different lengths are spent on."""

import pytest

from plan_samples import fingerprint, planned
from scanwright.plan.budget import Cost
from scanwright.plan.plan import Plan


def steady_voxels(plan: Plan) -> Cost:
    """A step takes as long as it has features times patches; a folded one an eighth."""
    work = plan.network.widths[0] * plan.batch.size / plan.network.fold[2] ** 3
    return Cost(0.0125 * work, 0.0)


@pytest.mark.parametrize(
    ("budget_s", "features", "patches", "fold"),
    [(3000.0, 24, 2, 1), (1500.0, 16, 2, 1), (500.0, 16, 1, 1), (150.0, 16, 1, 2)],
)
def test_volumes_with_less_time_get_fewer_features_then_fewer_patches(budget_s, features, patches, fold):
    made = planned(fingerprint((40, 40, 40)), budget_s=budget_s, cost=steady_voxels)
    assert (made.network.widths[0], made.batch.size, made.network.fold[2]) == (features, patches, fold)


def test_pictures_keep_their_batch():
    sizes = {
        planned(fingerprint((200, 200, 1), unit="px"), budget_s=budget, cost=steady_voxels).batch.size
        for budget in (20000.0, 3000.0, 500.0)
    }
    assert sizes == {4}


def test_a_batch_set_by_hand_stays():
    made = planned(fingerprint((40, 40, 40)), budget_s=500.0, cost=steady_voxels, values={"batch.size": 3})
    assert made.batch.size == 3
