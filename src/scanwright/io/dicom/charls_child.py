"""The child process that decodes JPEG-LS by CharLS; `jpegls` asks it, nobody else runs this.

A request is one codestream. The answer is its samples, little endian, in 1 or 2 bytes each, in the order of the stream's
interleave mode, which the answer's header names.
"""

from scanwright.io.confine import Answer, Header, serve


def load() -> Answer:
    """Load CharLS. Raises ImportError if pyjpegls is not installed."""
    from jpeg_ls import decode_pixel_data

    def answer(header: Header, body: bytearray) -> tuple[Header, bytes]:
        pixels, said = decode_pixel_data(bytes(body))
        if len(pixels) != header["bytes"]:
            raise ValueError(f"{len(pixels)} bytes of samples where {header['bytes']} were announced")
        return {"interleave": int(said["interleave_mode"])}, bytes(pixels)

    return answer


if __name__ == "__main__":
    serve(load)
