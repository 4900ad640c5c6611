"""Where a study is kept: a file of the run folder by default, or a database by URL, whose password is written nowhere."""

import re
import secrets
import shutil
from pathlib import Path
from typing import Any

from scanwright.api.run.folder import STUDY, STUDY_NAME, TRIALS, Run, read_record
from scanwright.api.run.learn import STATE
from scanwright.api.run.rung import trial_name
from scanwright.files import write_json
from scanwright.search.study import FAIL, PRUNED, trials_in

FILE = STUDY
SECRET = re.compile(r"(?<=://)([^:@/\s]+):[^@/\s]+(?=@)")


def file_url(file: Path) -> str:
    """The URL of an SQLite file."""
    return f"sqlite:///{file.resolve()}"


def without_password(text: str) -> str:
    """A text without the passwords of the URLs in it.

    >>> without_password("--storage postgresql+psycopg://me:secret@db/tuning")
    '--storage postgresql+psycopg://me:***@db/tuning'
    """
    return SECRET.sub(r"\1:***", text)


def name_of(folder: Path) -> str:
    """The name under which a run's study is kept: drawn once, so that a run begun anew, or elsewhere, is another study."""
    file = folder / STUDY_NAME
    if not file.exists():
        write_json(file, {"name": f"scanwright-{secrets.token_hex(8)}"})
    name: str = read_record(file)["name"]
    return name


def forget_trials(run: Run, study: Any) -> None:
    """Remove trainings of trials that the study knows nothing of: another study's, whose file or database is gone."""
    known = {trial_name(one.number) for one in study.get_trials(deepcopy=False)}
    for folder in run.path(TRIALS).glob(f"{trial_name(0)[:-4]}*"):
        if folder.name not in known:
            shutil.rmtree(folder)


def sweep_trials(run: Run, study: Any) -> None:
    """Remove the checkpoints of trials that were ended: several times their weights, and nobody will go on from them."""
    for one in trials_in(study, (PRUNED, FAIL)):
        for file in run.path(TRIALS, trial_name(one.number)).glob(f"folds/*/{STATE}"):
            file.unlink()
