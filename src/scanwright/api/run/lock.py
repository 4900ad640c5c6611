"""A lock on a folder: one process at a time is at work in it. The system's own file locks, by whichever name it has them."""

import contextlib
import errno
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from scanwright.errors import ResourceError
from scanwright.files import as_resource_error


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock on a file. The system lets go of it when the process ends, however it ends, so none is ever stale.

    Raises ResourceError, naming the process, if another one holds it. The file stays: removing it could take the lock from
    under a process that has just opened it.
    """
    with as_resource_error(lock):
        handle = lock.open("a+")
    with handle:
        try:
            take(handle)
        except BlockingIOError as error:
            handle.seek(0)
            raise ResourceError(
                "another process is at work in this folder",
                where=lock.parent,
                found=handle.read(80).strip() or None,
                hint="Wait for it, or choose another folder with -o.",
            ) from error
        handle.truncate(0)
        handle.write(f"process {os.getpid()} on {platform.node()}")
        handle.flush()
        yield


def take(handle: TextIO) -> None:
    """Lock an open file, or raise BlockingIOError. Where the file system has no locks, there is none to be had."""
    if sys.platform == "win32":  # not tested here
        import msvcrt

        handle.seek(1 << 20)  # a byte that nobody reads: a locked byte cannot be read by others
        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
        return
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
            raise
