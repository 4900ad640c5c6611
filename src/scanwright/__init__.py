"""Scanwright: from a folder of medical scans to an evaluated model, a report and a package.

    import scanwright

    result = scanwright.train("scans/", out="run/", settings=scanwright.Settings(budget_s=600))
    scanwright.predict("run/model.swm", "new.nii.gz", out="answers/")

The names below are public; everything else may change. They are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scanwright.api.compare import compare
    from scanwright.api.ensemble.ensemble_runs import ensemble
    from scanwright.api.find_rate import find_rate
    from scanwright.api.look import demo, inspect, list_series
    from scanwright.api.make_model import train
    from scanwright.api.score_model import evaluate
    from scanwright.api.tune import tune
    from scanwright.api.use_model import predict, verify
    from scanwright.dataset.task import Task
    from scanwright.errors import ScanwrightError
    from scanwright.geometry.grid import Grid
    from scanwright.geometry.volume import Volume
    from scanwright.io.formats import read_volume, write_volume
    from scanwright.plan.plan import Plan
    from scanwright.plan.settings import Settings

__version__ = "0.1.0"

_HOMES = {
    "train": "scanwright.api.make_model",
    "predict": "scanwright.api.use_model",
    "evaluate": "scanwright.api.score_model",
    "compare": "scanwright.api.compare",
    "verify": "scanwright.api.use_model",
    "ensemble": "scanwright.api.ensemble.ensemble_runs",
    "inspect": "scanwright.api.look",
    "list_series": "scanwright.api.look",
    "demo": "scanwright.api.look",
    "find_rate": "scanwright.api.find_rate",
    "tune": "scanwright.api.tune",
    "read_volume": "scanwright.io.formats",
    "write_volume": "scanwright.io.formats",
    "Volume": "scanwright.geometry.volume",
    "Grid": "scanwright.geometry.grid",
    "Task": "scanwright.dataset.task",
    "Plan": "scanwright.plan.plan",
    "Settings": "scanwright.plan.settings",
    "ScanwrightError": "scanwright.errors",
}

__all__ = [
    "Grid",
    "Plan",
    "ScanwrightError",
    "Settings",
    "Task",
    "Volume",
    "__version__",
    "compare",
    "demo",
    "ensemble",
    "evaluate",
    "find_rate",
    "inspect",
    "list_series",
    "predict",
    "read_volume",
    "train",
    "tune",
    "verify",
    "write_volume",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'scanwright' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
