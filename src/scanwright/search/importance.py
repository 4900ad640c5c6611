"""How much each parameter mattered: functional analysis of variance over the trials (Hutter et al. 2014, ICML; Optuna's).

All trials are taken at the first rung, where all of them were judged alike; higher up are only those that did well.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scanwright.search.parameter import Parameter
from scanwright.search.study import COMPLETE, PRUNED, require_optuna, trials_in

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

LEAST_TRIALS = 8
"""Below this a forest over so many parameters would tell stories."""


def importances(study: "Study", space: Sequence[Parameter], *, resource: int = 1) -> Mapping[str, float | None]:
    """The share of the variance of the scores that each parameter explains, in [0, 1]; those of all trials add up to 1.

    resource: of the rung at which trials are taken. A conditional parameter is judged among the trials that have it, together
    with the others, and its share is of their variance. None: too few trials, or all with one score.
    """
    optuna = require_optuna()
    known = [one for one in trials_in(study, (PRUNED, COMPLETE)) if resource in one.intermediate_values]
    always = [one.name for one in space if all(one.name in trial.params for trial in known)]
    found: dict[str, float | None] = dict.fromkeys((one.name for one in space), None)
    found |= _shares(optuna, study, known, always, resource)
    for one in space:
        if one.name not in always:
            those = [trial for trial in known if one.name in trial.params]
            found[one.name] = _shares(optuna, study, those, [*always, one.name], resource).get(one.name)
    return found


def _shares(
    optuna: Any, study: "Study", trials: "Sequence[FrozenTrial]", names: Sequence[str], resource: int
) -> dict[str, float | None]:
    scores = [trial.intermediate_values[resource] for trial in trials]
    if len(trials) < LEAST_TRIALS or max(scores) == min(scores) or not names:
        return {}
    alike = optuna.create_study(direction=study.direction)
    for trial, score in zip(trials, scores, strict=True):
        kept = {name: trial.params[name] for name in names}
        ranges = {name: trial.distributions[name] for name in names}
        alike.add_trial(optuna.trial.create_trial(params=kept, distributions=ranges, value=score))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        shares = optuna.importance.get_param_importances(alike, evaluator=evaluator, params=list(names))
    return {name: float(share) for name, share in shares.items()}
