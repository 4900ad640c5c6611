"""Where a study is kept: a file of the run folder by default, or a database by URL, whose password is written nowhere."""

import re
import secrets
from pathlib import Path

from scanwright.api.run.folder import STUDY, STUDY_NAME, read_record
from scanwright.files import write_json

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
