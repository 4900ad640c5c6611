"""Progress for people, on standard error: a line that redraws itself on a terminal, sparse plain lines elsewhere."""

import contextlib
import shutil
import sys
import time
from types import TracebackType
from typing import Self, TextIO

from scanwright.protocols import Progress

REDRAW_S = 0.2
PLAIN_S = 20.0


class Screen:
    """Shows progress. Use as a context manager and pass `tell` as the listener."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.last = 0.0
        self.stage = ""
        self.open_line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._end_line()

    def tell(self, progress: Progress) -> None:
        """Show one piece of progress; notes always, counts now and then. A terminal that is gone is no reason to stop."""
        with contextlib.suppress(OSError):
            if progress.note:
                self._end_line()
                self.stream.write(f"{progress.stage}: {progress.note}\n")
            else:
                self._draw(progress)
            self.stream.flush()

    def _draw(self, progress: Progress) -> None:
        ended = progress.total > 0 and progress.done >= progress.total
        wait = REDRAW_S if self.live else PLAIN_S
        now = time.monotonic()
        fresh = progress.stage != self.stage and self.live
        if not (fresh or ended or now - self.last >= wait):
            return
        self.last, self.stage = now, progress.stage
        text = line(progress)
        fitting = text[: terminal_width() - 1]  # a line that wraps could not be redrawn
        self.stream.write(f"\r\x1b[2K{fitting}" if self.live else f"{text}\n")
        self.open_line = self.live
        if ended:
            self._end_line()

    def _end_line(self) -> None:
        if self.open_line:
            self.stream.write("\n")
            self.open_line = False


def terminal_width() -> int:
    """Columns of the terminal, 80 if it does not say."""
    return shutil.get_terminal_size().columns


def line(progress: Progress) -> str:
    """One line of progress: stage, bar, share, time left."""
    share = min(1.0, progress.done / progress.total) if progress.total else 0.0
    bar = "━" * round(24 * share) + "╌" * (24 - round(24 * share))
    count = f"{progress.done:.0f}/{progress.total:.0f}" if progress.total > 1 else f"{share:.0%}"
    left = f"  {clock(progress.left_s)} left" if progress.left_s is not None else ""
    return f"{progress.stage:<14} {bar} {count}{left}"


def clock(seconds: float) -> str:
    """Seconds as 0:07, 12:30 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
