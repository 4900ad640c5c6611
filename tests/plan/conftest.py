import pytest

from plan_samples import LADDER
from scanwright.plan.ruleset import PER_VOXEL


@pytest.fixture
def fixed_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of how a candidate is chosen, whatever the candidates of today are."""
    monkeypatch.setitem(PER_VOXEL.ladders, ("cpu", 3), LADDER)
