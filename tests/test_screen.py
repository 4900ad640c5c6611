"""Progress on standard error: one line that redraws itself on a terminal, few plain lines elsewhere."""

import io

import pytest

from scanwright import screen
from scanwright.protocols import Progress
from scanwright.screen import Screen, clock, line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock that the screen reads: set now[0]."""
    seconds = [1000.0]
    monkeypatch.setattr(screen.time, "monotonic", lambda: seconds[0])
    return seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (7, "0:07"),
        (59.6, "1:00"),
        (750, "12:30"),
        (3599.4, "59:59"),
        (3599.6, "1:00:00"),
        (3723, "1:02:03"),
    ],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress("check", done=3, total=6), f"check          {'━' * 12}{'╌' * 12} 3/6"),
        (Progress("train fold 0", done=1, total=4, left_s=83), f"train fold 0   {'━' * 6}{'╌' * 18} 1/4  1:23 left"),
        (Progress("predict", done=0.25, total=1.0), f"predict        {'━' * 6}{'╌' * 18} 25%"),
        (Progress("phantom"), f"phantom        {'╌' * 24} 0%"),
        (Progress("prepare", done=9, total=3), f"prepare        {'━' * 24} 9/3"),
    ],
)
def test_line(progress, text):
    assert line(progress) == text


def test_plain__few_lines(now):
    """A line at once, the next after twenty seconds, and the last of a stage always: no control characters."""
    stream = io.StringIO()
    with Screen(stream) as shown:
        for done in range(1, 101):
            shown.tell(Progress("train fold 0", done=done, total=100))
            now[0] += 1
    lines = stream.getvalue().splitlines()
    assert [text.split()[-1] for text in lines] == ["1/100", "21/100", "41/100", "61/100", "81/100", "100/100"]
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_plain__notes_always(now):
    stream = io.StringIO()
    with Screen(stream) as shown:
        shown.tell(Progress("check", note="three cases"))
        shown.tell(Progress("plan", note="measuring"))
    assert stream.getvalue() == "check: three cases\nplan: measuring\n"


def test_terminal__one_line_that_redraws_itself(now):
    stream = Terminal()
    with Screen(stream) as shown:
        for done in (1, 2, 3):
            shown.tell(Progress("prepare", done=done, total=4))
            now[0] += 0.3
    assert stream.getvalue().count("\n") == 1  # the end of the screen
    assert [text.split()[-1] for text in stream.getvalue().split("\r\x1b[2K")[1:]] == ["1/4", "2/4", "3/4"]


def test_terminal__not_more_often_than_a_person_sees(now):
    stream = Terminal()
    with Screen(stream) as shown:
        for done in range(1, 1000):
            shown.tell(Progress("prepare", done=done, total=1000))
            now[0] += 0.001
    assert stream.getvalue().count("\r") == 5


def test_terminal__a_note_does_not_run_into_the_bar(now):
    stream = Terminal()
    with Screen(stream) as shown:
        shown.tell(Progress("train fold 0", done=1, total=9))
        shown.tell(Progress("train fold 0", done=2, total=9, note="step 2: loss 0.5"))
        shown.tell(Progress("train fold 0", done=9, total=9))
    lines = stream.getvalue().split("\n")
    assert lines[0].endswith("1/9")
    assert lines[1] == "train fold 0: step 2: loss 0.5"
    assert lines[2].endswith("9/9")
    assert lines[3:] == [""]


def test_terminal__an_error_begins_on_its_own_line(now):
    stream = Terminal()
    with pytest.raises(ValueError, match="broken"), Screen(stream) as shown:
        shown.tell(Progress("prepare", done=1, total=9))
        raise ValueError("broken")
    assert stream.getvalue().endswith("1/9\n")


def test_terminal__never_wider_than_it_is(now, monkeypatch):
    """A line that wraps cannot be redrawn: the terminal would fill with bars."""
    monkeypatch.setattr(screen, "terminal_width", lambda: 40)
    stream = Terminal()
    with Screen(stream) as shown:
        shown.tell(Progress("train fold 0", done=1000, total=2000, left_s=3723))
    shown_line = stream.getvalue().split("\x1b[2K")[1].rstrip("\n")
    assert len(shown_line) == 39
    assert shown_line.startswith("train fold 0")


def test_a_closed_stream__is_no_reason_to_stop(now):
    """Nobody may be listening any more (a closed terminal); the work goes on."""

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with Screen(Closed()) as shown:
        shown.tell(Progress("check", done=1, total=9))
        shown.tell(Progress("check", note="a note"))
