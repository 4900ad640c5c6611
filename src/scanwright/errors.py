"""Every error a user can meet, as one tree.

    ScanwrightError                     exit code   HTTP
    ├── UsageError                          2        400   unknown option or key; settings that differ from the run folder's
    ├── IntegrityError                      3        422   a package that is cut, altered or unsigned
    ├── InputError                          4        422   input that cannot be read or makes no sense
    │   ├── UnreadableFile                                 the bytes are not what the suffix promises
    │   ├── GeometryError                                  a grid that is ambiguous, singular or does not match
    │   └── DatasetFaults                                  every fault of a data set, in one message
    ├── PolicyError                         5        403   readable, but a rule forbids it (waivable by name)
    └── ResourceError                       6        507   memory, disk, unwritable output, a budget that is too small

Exit code 0 is done and 1 is a bug of ours. One error serves three doors: two or three lines on the command line, an
exception with fields in Python, and a status with the same fields over HTTP.
"""

from collections.abc import Sequence
from typing import Any


class ScanwrightError(Exception):
    """Root of the tree. Carries what was expected, what was found, where, and what to do next.

    message: one sentence without a full stop at the end.
    expected, found: short texts or values, shown as given.
    where: the file, case or key that it is about.
    hint: what to do next, as an imperative.
    details: further lines (a fault each), shown below the message.
    """

    exit_code = 1
    http_status = 500

    def __init__(
        self,
        message: str,
        *,
        expected: Any = None,
        found: Any = None,
        where: Any = None,
        hint: str | None = None,
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.found = found
        self.where = where
        self.hint = hint
        self.details = tuple(details)

    def lines(self) -> list[str]:
        """The error as a user reads it: what, then expected and found, then what to do. Two or three lines and details."""
        head = self.message if self.where is None else f"{self.message}: {self.where}"
        facts = [
            f"{word} {value}"
            for word, value in (("expected", self.expected), ("found", self.found))
            if value is not None
        ]
        body = [", ".join(facts)] if facts else []
        return [head, *body, *self.details, *([self.hint] if self.hint else [])]

    @property
    def kind(self) -> str:
        """The class of this tree that it is, or is one of: code tells finer kinds apart, users need not."""
        return next(one.__name__ for one in type(self).__mro__ if one.__module__ == __name__)

    def fields(self) -> dict[str, Any]:
        """The error as plain data for JSON: class name, message, and every field that is set (as text)."""
        named = {"expected": self.expected, "found": self.found, "where": self.where, "hint": self.hint}
        filled = {key: str(value) for key, value in named.items() if value is not None}
        details = {"details": list(self.details)} if self.details else {}
        return {"error": self.kind, "message": self.message, **filled, **details}

    def __str__(self) -> str:
        return "\n".join(self.lines())


class UsageError(ScanwrightError):
    """The command itself is wrong: an unknown key, an impossible value, settings other than the run folder's."""

    exit_code = 2
    http_status = 400


class IntegrityError(ScanwrightError):
    """A package or stored file is not what its manifest says: cut, altered, extended or not canonical."""

    exit_code = 3
    http_status = 422


class InputError(ScanwrightError):
    """Input that cannot be read or makes no sense. Never waivable."""

    exit_code = 4
    http_status = 422


class UnreadableFile(InputError):
    """The bytes of one file are not what its suffix promises: truncated, another format, over a limit."""


class GeometryError(InputError):
    """A grid that is ambiguous, singular, not finite, or not the one that it should equal."""


class DatasetFaults(InputError):
    """All faults of a data set that stop a run, in one message. `details` holds a line for each."""


class PolicyError(ScanwrightError):
    """Readable, but a rule forbids it: a patient in two folds, an untrusted package. Waivable by name with a reason."""

    exit_code = 5
    http_status = 403


class ResourceError(ScanwrightError):
    """The machine cannot do it: memory, disk space, an output that is not writable, a budget that is too small."""

    exit_code = 6
    http_status = 507
