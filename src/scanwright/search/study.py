"""The study that is kept: Optuna's, in a file of the run folder or a database, with trials that a killed session left running.

Optuna is an extra; the module is imported where it is used.
"""

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from scanwright.errors import ResourceError, UsageError
from scanwright.runtime import generator
from scanwright.search.parameter import Parameter, Point
from scanwright.search.rungs import ETA

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

INSTALL = 'pip install "scanwright[search]"'
DRIVER = 'pip install "psycopg[binary]", and write postgresql+psycopg://…'
BEGINNINGS = 8
"""Trials that are drawn at random before the sampler learns from them."""
WAIT_S = 60.0
"""How long a database that another process writes to is waited for."""
VALUES_OF = "values"
"""What the plan values of a trial are noted under in the study."""
RUNNING, PRUNED, COMPLETE, FAIL = "RUNNING", "PRUNED", "COMPLETE", "FAIL"


def require_optuna() -> Any:
    """The optuna module, saying nothing by itself. Raises UsageError with the install line where it is absent."""
    try:
        import optuna
    except ImportError as error:
        raise UsageError("tuning needs Optuna", hint=f"Install it: {INSTALL}") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def open_study(url: str, name: str, *, higher_is_better: bool) -> "Study":
    """The study of that name in a database, new or as it was left.

    url: as SQLAlchemy takes it: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.
    Raises UsageError for a database whose driver is not there, ResourceError for one that does not answer.
    """
    optuna = require_optuna()
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    engine = {"connect_args": {"timeout": WAIT_S}} if url.startswith("sqlite") else {"pool_pre_ping": True}
    try:
        storage = optuna.storages.RDBStorage(url, engine_kwargs=engine)
        study: Study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize" if higher_is_better else "minimize",
            load_if_exists=True,
            pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=ETA),
        )
    except (ImportError, ArgumentError) as error:
        raise UsageError(
            "a database that cannot be spoken to",
            where="--storage",
            found=_first_line(error),
            hint=f"Perhaps: {DRIVER}",
        ) from error
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise ResourceError(
            "the database of the study does not answer",
            found=_first_line(error),
            hint="Start it, or leave --storage out.",
        ) from error
    return study


def proposed(study: "Study", *, seed: int) -> "Trial":
    """The next trial: what waits, else what the sampler proposes from the trials so far.

    A tree-structured Parzen estimator of all parameters together proposes (Bergstra et al. 2011, NeurIPS; Falkner et al. 2018,
    ICML), with random numbers of its own for each trial, so that a killed search proposes what an undisturbed one would have.
    """
    _sow(study, seed, len(study.get_trials(deepcopy=False)))
    return study.ask()


def _sow(study: "Study", seed: int, number: int) -> None:
    """Give the sampler the random numbers of one trial."""
    optuna = require_optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that several parameters together are still called experimental
        own = int(generator(seed, number).integers(2**31))
        study.sampler = optuna.samplers.TPESampler(seed=own, multivariate=True, n_startup_trials=BEGINNINGS)


def _first_line(error: Exception) -> str:
    """What a library says, without addresses of a database, which may hold a password."""
    kind, said = type(error).__name__, str(error).partition("\n")[0]
    return kind if "://" in str(error) else f"{kind}: {said}"[:160]


def begin(study: "Study", planned: Point) -> None:
    """Let the first trial be the default plan, once."""
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(dict(planned))


def left_running(study: "Study", *, seed: int = 0) -> "list[Trial]":
    """Trials that an earlier session began and did not end, the oldest first: they are taken up again."""
    optuna = require_optuna()
    found = []
    for one in trials_in(study, (RUNNING,)):
        _sow(study, seed, one.number)  # it may have been killed before it was proposed whole
        found.append(optuna.trial.Trial(study, one._trial_id))
    return found


def trials_in(study: "Study", states: Iterable[str] = (RUNNING, PRUNED, COMPLETE, FAIL)) -> "list[FrozenTrial]":
    """Trials in these states, by number."""
    wanted = set(states)
    return [one for one in study.get_trials(deepcopy=False) if one.state.name in wanted]


def suggested(trial: "Trial", space: Sequence[Parameter]) -> dict[str, Any]:
    """A value for each parameter that is asked for; those that the trial has already stay what they are."""
    point: dict[str, Any] = {}
    for one in space:
        if not one.asked(point):
            continue
        if one.choices:
            point[one.name] = trial.suggest_categorical(one.name, one.choices)
        else:
            point[one.name] = trial.suggest_float(one.name, one.low, one.high, log=one.log)
    return point


def told(study: "Study", trial: "Trial", *, state: str, value: float | None = None) -> None:
    """End a trial."""
    optuna = require_optuna()
    study.tell(trial, value, state=optuna.trial.TrialState[state])


def best_of(study: "Study") -> "FrozenTrial | None":
    """The best trial that reached the top, the earliest of equals; None if none did."""
    done = trials_in(study, (COMPLETE,))
    sign = 1.0 if study.direction.name == "MAXIMIZE" else -1.0
    return max(done, key=lambda one: (sign * (one.value or 0.0), -one.number), default=None)
