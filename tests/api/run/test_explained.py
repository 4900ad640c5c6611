"""What a report says of whether its explanations depend on what was learned."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from scanwright.api.run import explained as module
from scanwright.api.run.explained import NO_TIME, Explained, sanity_text
from scanwright.api.run.folder import Clock
from scanwright.explanation.sanity import Sanity, Stage
from scanwright.protocols import silent
from scanwright.report.results_content import CasePicture


@pytest.mark.parametrize(
    ("correlation", "passed", "said"),
    [
        (0.12, True, "they change (the rank correlation of both is 0.12;"),
        (0.81, False, "they hardly change (the rank correlation of both is 0.81;"),
        (None, True, "nothing of them is left"),
    ],
)
def test_sanity__in_words(correlation: float | None, passed: bool, said: str) -> None:
    stage = Stage(layer="encoder", correlation=correlation, size_correlation=correlation)
    text = sanity_text(Sanity(stages=(stage,), passed=passed), cases=3)
    assert text.startswith("The maps of 3 cases were made again") and said in text
    assert ("not to be trusted" in text) is not passed


def test_sanity__nothing_was_checked() -> None:
    assert sanity_text(Sanity(stages=(), passed=None), cases=0) == ""


def looked_through(
    *, used_s: float, before_s: float = 0.0, budget_s: float | None = 40.0, took_s: float = 0.0
) -> Explained:
    clock = Clock(Path("clock.json"), before_s=before_s, began=time.monotonic() - used_s + before_s)
    kept = SimpleNamespace(run=SimpleNamespace(clock=clock))
    return Explained(kept, torch.device("cpu"), silent, budget_s, took_s=took_s)  # type: ignore[arg-type]


def test_explained__stops_when_the_budget_is_used() -> None:
    assert looked_through(used_s=20.0).has_time and not looked_through(used_s=41.0).has_time
    assert looked_through(used_s=900.0, budget_s=None).has_time
    assert not looked_through(used_s=30.0, took_s=15.0).has_time, "another one would not fit"
    assert looked_through(used_s=60.0, before_s=41.0).has_time, "an earlier session has used it up"


def test_explained__a_case_without_time_is_shown_without_a_map() -> None:
    explained = looked_through(used_s=41.0)
    study = SimpleNamespace(
        problem=SimpleNamespace(sees_whole=True, settled=lambda chosen: None),
        case=lambda name: None,
        dataset=SimpleNamespace(task=None),
        plan=SimpleNamespace(training=SimpleNamespace(folds=(0,)), reads_outlines=False),
    )
    explained.kept.study = study  # type: ignore[misc]
    explained.kept.scores = SimpleNamespace(rows=[], chosen=None)  # type: ignore[misc]
    shown = CasePicture(role="best", case="a", png=b"", facts=())
    with pytest.MonkeyPatch.context() as patch:
        for name in ("trained_network", "Engine", "read_case_image", "own_answer", "prediction_file", "likeness_of"):
            patch.setattr(module, name, lambda *_, **__: None)
        explained.kept.run.fold = lambda fold: Path("folds")  # type: ignore[method-assign, return-value, misc]
        explained.sights = {0: None}
        found = explained.picture(shown)
    assert [(fact.name, fact.value) for fact in found.facts] == [("Not drawn", NO_TIME)] and found.explained is None
