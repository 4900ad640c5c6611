"""What a package holds to tell whether an image is of the kind that it was made for: clouds of training cases, and what
is usual.

No name, no path and no single case is in it: means, directions and limits. As bytes of a safetensors file, words as
JSON in it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from safetensors.numpy import load, save

from scanwright.errors import IntegrityError
from scanwright.explanation.cloud import Cloud
from scanwright.explanation.in_range import Bounds, Clouds
from scanwright.explanation.limits import Limit

VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """clouds, bounds: see `in_range`. model: the name of the weights in the package whose network the clouds are of.

    recognised: of held-out images that were turned so, the share that was told as turned, by its words; what cannot be
    told has a small one.
    """

    clouds: Clouds
    bounds: Bounds
    model: str
    recognised: Mapping[str, float]

    def to_bytes(self) -> bytes:
        """For a package: arrays, and words as bytes of JSON; no pickle. The same content gives the same bytes."""
        arrays = {
            f"{view}.{part}": array
            for view, cloud in sorted(self.clouds.of.items())
            for part, array in cloud.to_arrays().items()
        }
        words = {
            "version": VERSION,
            "model": self.model,
            "usual": {view: list(known) for view, known in self.bounds.usual.items()},
            "border": asdict(self.bounds.border),
            "outside": asdict(self.bounds.outside),
            "recognised": dict(self.recognised),
        }
        text = json.dumps(words, ensure_ascii=False, allow_nan=False, sort_keys=True)
        return save({**arrays, "words": np.frombuffer(text.encode(), dtype=np.uint8).copy()})

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """The same again. Raises IntegrityError if they are not those of a reference."""
        try:
            arrays = load(stored)
            words: dict[str, Any] = json.loads(arrays.pop("words").tobytes())
            parts: dict[str, dict[str, Any]] = {}
            for name, array in arrays.items():
                view, _, part = name.partition(".")
                parts.setdefault(view, {})[part] = array
            clouds = Clouds({view: Cloud.from_arrays(of) for view, of in parts.items()})
            usual = {view: (float(center), float(spread)) for view, (center, spread) in words["usual"].items()}
            bounds = Bounds(usual, Limit(**words["border"]), Limit(**words["outside"]))
            recognised = {name: float(share) for name, share in words["recognised"].items()}
            return cls(clouds, bounds, str(words["model"]), recognised)
        except Exception as error:  # whatever the reader meets in bytes that are not ours
            raise IntegrityError("reference cases that cannot be read", found=str(error)[:120]) from error
