"""How a command ends: the exit code, and the lines on standard error (with `--json` also one object) that say why.

Errors of ours have their own codes (see `scanwright.errors`). 130 is Ctrl-C. What the machine refuses (a full disk, no memory)
is 6, whichever library met it. Anything else is a bug of ours: 1, and the only ending with a traceback.
"""

import errno
import functools
import json
import re
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import typer

from scanwright.errors import InputError, ResourceError, ScanwrightError

REFUSED = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
)  # fmt: skip
"""What the operating system says when it is the machine that cannot, not the program."""


def verbs_of(app: typer.Typer) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator that makes a function a command of `app` which ends with an exit code and lines, whatever it raises.

    The function has a parameter `json_`: whether its result is wanted as one JSON object.
    """

    def verb(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def guarded(**given: Any) -> None:
            code = ended(functools.partial(function, **given), as_json=given["json_"])
            if code:
                raise typer.Exit(code)

        app.command()(guarded)
        return function

    return verb


def finish(lines: Sequence[str], data: Any, *, as_json: bool) -> None:
    """Print a result on standard output: lines for people, or the same as one JSON object."""
    typer.echo(json.dumps(data, allow_nan=False) if as_json else "\n".join(lines))


def ended(work: Callable[[], None], *, as_json: bool) -> int:
    """Do a command's work; gives its exit code, having said on standard error why it is not 0."""
    try:
        work()
    except (typer.Exit, BrokenPipeError):  # an exit code by intent; a reader of our output who has gone
        raise
    except KeyboardInterrupt as stop:
        fields = {"error": "Stopped", "message": str(stop) or "stopped", "hint": "Run the same command again to go on."}
        return said([fields["message"], fields["hint"]], fields, 130, as_json)
    except Exception as error:
        known = error if isinstance(error, ScanwrightError) else refused(error)
        if known is not None:
            return said(known.lines(), known.fields(), known.exit_code, as_json)
        fault = "This is a fault of scanwright, not of your data. Please report it with the lines above."
        return said([traceback.format_exc(), fault], {"error": "InternalError", "message": repr(error)}, 1, as_json)
    return 0


def said(lines: Sequence[str], fields: dict[str, Any], code: int, as_json: bool) -> int:
    """Say why a command ends: lines for people, and with `--json` the same fields as one object. Gives the code."""
    for text in lines:
        typer.echo(text, err=True)
    if as_json:
        typer.echo(json.dumps({**fields, "exit_code": code}))
    return code


def refused(error: Exception) -> ScanwrightError | None:
    """What the machine refuses (memory, disk, permissions, a name in no encoding) as an error of ours; None for all else."""
    if isinstance(error, OSError) and error.errno in REFUSED:
        hint = "Free some space or choose another folder, then run the same command again."
        return ResourceError("the system refused", where=error.filename, found=error.strerror, hint=hint)
    names = {kind.__name__ for kind in type(error).__mro__}  # torch's own is known by name: torch may not be imported
    if names & {"MemoryError", "OutOfMemoryError"} or "can't allocate memory" in str(error):
        hint = "Close other programs; in training, a smaller batch.size or batch.patch (--set) needs less."
        return ResourceError("out of memory", found=str(error).partition("\n")[0][:160] or None, hint=hint)
    if "surrogates not allowed" in str(error) or "string_unicode" in str(error):  # of Python, and of pydantic
        odd = re.findall(r"'([^']*\\udc[^']*)'", repr(error).replace("\\\\", "\\"))
        hint = "Rename what has letters that show as question marks, such as those of an old archive."
        return InputError(
            "a file or folder whose name is in no known encoding", found=odd[0] if odd else None, hint=hint
        )
    return None
