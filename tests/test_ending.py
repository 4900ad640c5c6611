"""How a command ends: one code, its lines, and with --json one object."""

import errno
import json

import pytest
import typer

from scanwright.ending import ended, refused
from scanwright.errors import InputError, PolicyError, ResourceError, UsageError


def raising(error):
    def work():
        raise error

    return work


def test_ended__well(capsys):
    assert ended(lambda: None, as_json=True) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "code"), [(UsageError("a"), 2), (InputError("a"), 4), (PolicyError("a"), 5), (ResourceError("a"), 6)]
)
def test_ended__errors_of_ours(capsys, error, code):
    assert ended(raising(error), as_json=False) == code
    assert capsys.readouterr() == ("", "a\n")


def test_ended__as_json(capsys):
    error = InputError("not a label", where="p1.nii", expected=1, found=2, hint="Mend it.", details=["one", "two"])
    assert ended(raising(error), as_json=True) == 4
    said = capsys.readouterr()
    assert json.loads(said.out) == {
        "error": "InputError", "message": "not a label", "where": "p1.nii", "expected": "1", "found": "2",
        "hint": "Mend it.", "details": ["one", "two"], "exit_code": 4,
    }  # fmt: skip
    assert said.err == "not a label: p1.nii\nexpected 1, found 2\none\ntwo\nMend it.\n"


def test_ended__stopped(capsys):
    assert ended(raising(KeyboardInterrupt("stopped at step 3 of 6, saved")), as_json=False) == 130
    assert capsys.readouterr().err == "stopped at step 3 of 6, saved\nRun the same command again to go on.\n"
    assert ended(raising(KeyboardInterrupt()), as_json=False) == 130
    assert capsys.readouterr().err.startswith("stopped\n")


def test_ended__a_bug(capsys):
    assert ended(raising(ZeroDivisionError("division by zero")), as_json=True) == 1
    said = capsys.readouterr()
    assert "Traceback" in said.err
    assert said.err.endswith("Please report it with the lines above.\n")
    assert json.loads(said.out)["exit_code"] == 1


@pytest.mark.parametrize("error", [typer.Exit(4), BrokenPipeError()])
def test_ended__what_is_for_others(error):
    with pytest.raises(type(error)):
        ended(raising(error), as_json=False)


class OutOfMemoryError(RuntimeError):
    """As torch's is named."""


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a.png"), ResourceError, "a.png"),
        (PermissionError(errno.EACCES, "Permission denied", "a.png"), ResourceError, "Permission denied"),
        (MemoryError(), ResourceError, "out of memory"),
        (OutOfMemoryError("CUDA out of memory. Tried 2 GiB\nmore"), ResourceError, "Tried 2 GiB"),
        (UnicodeEncodeError("utf-8", "x\udce9", 1, 2, "surrogates not allowed"), InputError, r"x\udce9"),
    ],
)
def test_refused(error, kind, words):
    found = refused(error)
    assert isinstance(found, kind)
    assert words in str(found)
    assert found.hint


@pytest.mark.parametrize(
    "error", [ValueError("no"), FileNotFoundError(errno.ENOENT, "No such file", "a"), KeyError("a")]
)
def test_refused__what_may_be_a_bug(error):
    assert refused(error) is None
