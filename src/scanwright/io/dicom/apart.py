"""What decoders that run apart (`jpeg`, `jpegls`, `jpeg2000`) have in common: limits of a request, and errors that say whose
fault it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanwright.errors import InputError, ResourceError, UnreadableFile
from scanwright.io.child import ChildFailed, NotStarted
from scanwright.io.confine import Header
from scanwright.io.guard import COPY_HINT
from scanwright.io.sandbox import MEMORY_BYTES, Sandbox


@dataclass(frozen=True, slots=True)
class Decoder:
    """A codec in a limited child. name: the format, and whole: what one frame of it is, both as messages say them.

    copies: bytes that it holds for each byte of its answer. slowest_bytes: of decoded pixels a second. library, package,
    install_hint: what an installation may lack, what it is, and how it is got; empty for what is always installed.
    """

    name: str
    whole: str
    copies: int
    slowest_bytes: int
    library: str = ""
    package: str = ""
    install_hint: str = ""

    def ask(
        self, sandbox: Sandbox, frame: bytes, header: Mapping[str, Any], *, expected: int, where: Path
    ) -> tuple[Header, bytearray]:
        """What the child says of a frame, and `expected` bytes of pixels.

        Raises UnreadableFile for data that are damaged, cut or break the decoder, InputError if the library is not
        installed, ResourceError if no child process can be started.
        """
        memory = MEMORY_BYTES // 2 + self.copies * expected + 4 * len(frame)
        extra_s = expected / self.slowest_bytes
        try:
            return sandbox.ask(
                {**header, "bytes": expected}, frame, expected=expected, memory_bytes=memory, extra_s=extra_s
            )
        except ChildFailed as failure:
            raise self.damaged(where, failure.why) from failure
        except NotStarted as error:
            if error.missing and self.library:
                raise InputError(
                    f"{self.name} pixels need {self.library}",
                    where=where,
                    expected=self.package,
                    found=str(error),
                    hint=self.install_hint,
                ) from error
            raise ResourceError(str(error), where=where) from error

    def require_enough(self, frame: bytes, promised: int, *, rows: int, columns: int, share: int, where: Path) -> None:
        """Refuse a promise that so few bytes cannot keep, before memory for it is allowed. share: what a byte can give, in
        the unit of `promised`.
        """
        if promised > len(frame) * share:
            raise self.damaged(where, f"{len(frame)} bytes for {rows} x {columns} pixels")

    def damaged(self, where: Path, found: str) -> UnreadableFile:
        """The error for a frame that is not what its format wants."""
        return UnreadableFile(
            f"cannot decode the {self.name} pixels", where=where, expected=self.whole, found=found, hint=COPY_HINT
        )
