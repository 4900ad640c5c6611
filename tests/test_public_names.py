"""The public surface: these names, no others, and none of them costs a user the import of torch before it is used."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import scanwright

PUBLIC = [
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
VERBS = ["compare", "demo", "ensemble", "evaluate", "find_rate", "inspect", "predict", "train", "tune", "verify"]

# The verb "report" is public on the command line only: `scanwright.report` is the room of that name as soon as it is
# imported, and a name that is a function first and a module later would be worse than none.


def test_names__are_these() -> None:
    assert sorted(scanwright.__all__) == PUBLIC
    assert len(set(scanwright.__all__)) == len(scanwright.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_names__resolve(name: str) -> None:
    assert getattr(scanwright, name) is not None
    assert name in dir(scanwright)


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_names__say_what_they_are(name: str) -> None:
    assert (getattr(scanwright, name).__doc__ or "").strip()


@pytest.mark.parametrize("name", VERBS)
def test_names__verbs_are_functions(name: str) -> None:
    assert callable(getattr(scanwright, name))
    assert getattr(scanwright, name).__name__ == name


def test_names__nothing_else_is_shown() -> None:
    assert sorted(dir(scanwright)) == PUBLIC


def test_names__no_room_hides_a_public_name() -> None:
    rooms = {path.stem for path in Path(scanwright.__file__).parent.iterdir()}
    assert rooms.isdisjoint(PUBLIC)


def test_names__unknown() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        scanwright.trian  # noqa: B018 - the look-up is the test


def test_version__is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert scanwright.__version__ == project["project"]["version"]


@pytest.mark.parametrize(
    "code",
    ["import scanwright", "from scanwright import Grid, Volume, Task, Plan, Settings, ScanwrightError, read_volume"],
)
def test_import__without_torch(code: str) -> None:
    script = f"import sys\n{code}\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_import__names_are_the_same_objects_each_time() -> None:
    assert scanwright.train is scanwright.train
    assert scanwright.Volume is scanwright.Volume
