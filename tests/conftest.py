"""What every test gets: one thread a worker, repeatable draws, and a reason where data or a GPU are absent."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before numpy and torch are loaded: workers run side by side, and two on all cores are slower than two on one each.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis
import pytest

from commands import SMALL, Command, Ended, Finished
from made_folders import nnunet_folder

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

hypothesis.settings.register_profile("house", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with a reason, what this machine has no data or device for."""
    if not DATA.is_dir():
        _skip(items, "data", f"no labelled data folder at ../shared/data ({DATA.parent.name} is absent)")
    if any(item.get_closest_marker("gpu") for item in items) and not _has_cuda():
        _skip(items, "gpu", "no CUDA device")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of labelled data sets beside the repository; the test is skipped where there is none."""
    if not DATA.is_dir():
        pytest.skip("no labelled data folder at ../shared/data")
    return DATA


def _skip(items: list[pytest.Item], marker: str, reason: str) -> None:
    for item in items:
        if item.get_closest_marker(marker):
            item.add_marker(pytest.mark.skip(reason=reason))


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture(scope="session")
def scanwright(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ended]:
    """Runs the command line in a process of its own: `scanwright("train", data, "-o", run, plant=…)`."""
    logs = tmp_path_factory.mktemp("commands")

    def run(*arguments: Any, plant: Callable[[], None] | None = None) -> Ended:
        return Command(arguments, folder=logs, plant=plant).end()

    return run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, scanwright: Callable[..., Ended]) -> Finished:
    """A finished run over six small cases, made once. Read it; do not write into it."""
    folder = tmp_path_factory.mktemp("finished")
    data = nnunet_folder(folder / "data", cases=6)
    ended = scanwright("train", data, *SMALL, "-o", folder / "run", "--json")
    assert ended.code == 0, ended.err
    return Finished(data, folder / "run", ended)
