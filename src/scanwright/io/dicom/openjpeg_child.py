"""The child process that decodes JPEG 2000 by OpenJPEG; `jpeg2000` asks it, nobody else runs this.

A request is one codestream. The answer is its samples in rows, colour by pixel, little endian, in 1, 2 or 4 bytes each, as
OpenJPEG gives them: colours that the codestream transforms are RGB again.
"""

import warnings

from scanwright.io.confine import Answer, Header, serve


def load() -> Answer:
    """Load OpenJPEG. Raises ImportError if pylibjpeg-openjpeg is not installed."""
    from openjpeg.utils import decode_pixel_data

    warnings.simplefilter("ignore")  # of a file header around the codestream, which does not matter

    def answer(header: Header, body: bytearray) -> tuple[Header, bytes]:
        pixels = bytes(decode_pixel_data(bytes(body), version=2))
        if len(pixels) != header["bytes"]:
            raise ValueError(f"{len(pixels)} bytes of samples where {header['bytes']} were announced")
        return {}, pixels

    return answer


if __name__ == "__main__":
    serve(load)
