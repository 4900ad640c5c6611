"""When each of several models should be done."""

from types import SimpleNamespace

import pytest

from scanwright.api.run import trials
from scanwright.api.run.spare import seconds_to_explain
from scanwright.plan.settings import Settings


@pytest.mark.parametrize(("spare_s", "until_s"), [(0.0, 55.0), (10.0, 50.0)])
def test_deadline__networks_leave_what_explaining_features_takes(
    monkeypatch: pytest.MonkeyPatch, spare_s: float, until_s: float
) -> None:
    monkeypatch.setattr(trials, "rules_for", lambda problem, name: SimpleNamespace(takes_steps=name != "svm"))
    run, material = SimpleNamespace(elapsed_s=10.0), SimpleNamespace(problem=None)
    found = trials.deadline(  # type: ignore[arg-type]
        run, material, Settings(budget_s=100.0), left=["cnn", "cnn-rnn"], spare_s=spare_s
    )
    assert found == until_s


def test_seconds_to_explain__a_network_keeps_such_time_in_its_plan() -> None:
    study = SimpleNamespace(plan=SimpleNamespace(network=object()))
    assert seconds_to_explain(SimpleNamespace(), study, {}) == 0.0  # type: ignore[arg-type]
