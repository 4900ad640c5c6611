"""Deadlines: called once when they are due, never after their block, many at a time, and in a forked process too."""

import os
import sys
import threading
import time

import pytest

from scanwright.io.deadline import within


def test_late_is_called_while_the_block_runs():
    called = threading.Event()
    with within(0.02, called.set):
        assert called.wait(5)


def test_late_is_not_called_after_the_block():
    calls = []
    for _ in range(50):
        with within(0.01, lambda: calls.append(1)):
            pass
    time.sleep(0.05)
    assert calls == []


def test_a_sooner_deadline_does_not_wait_for_a_later_one():
    later, sooner = threading.Event(), threading.Event()
    with within(60, later.set):
        time.sleep(0.02)  # the clock sleeps for a minute now
        began = time.monotonic()
        with within(0.02, sooner.set):
            assert sooner.wait(5)
    assert time.monotonic() - began < 2
    assert not later.is_set()


def test_each_of_many_is_called_once():
    calls = []

    def wait(number: int) -> None:
        done = threading.Event()
        with within(0.01 + number / 1000, lambda: (calls.append(number), done.set())):
            assert done.wait(5)
            time.sleep(0.02)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(calls) == list(range(20))


def test_one_thread_for_all():
    with within(60, lambda: None):
        before = threading.active_count()
        with within(60, lambda: None), within(50, lambda: None):
            assert threading.active_count() == before


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_after_a_fork():
    with within(60, lambda: None):
        child = os.fork()
        if child == 0:
            called = threading.Event()
            with within(0.02, called.set):
                os._exit(0 if called.wait(5) else 1)
        assert os.waitpid(child, 0)[1] == 0
