"""What kinds of problem share whose answer is places in the image: it shows by itself what it rests on."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from scanwright.explanation.sanity import Explain
from scanwright.geometry.volume import Volume
from scanwright.inference.predict import Engine
from scanwright.problem.kind import Explanation
from scanwright.problem.unassured import Unassured
from scanwright.types import JSON


class ShownByItself(Unassured):
    """Mixed into a problem of one task."""

    def explain(
        self, engine: Engine, image: Volume, answer: Any, *, method: str | None = None, narrow: bool = False
    ) -> Explanation | None:
        """None: the answer shows where it lies."""
        return None

    def methods(self, networks: Sequence[nn.Module]) -> tuple[str, ...]:
        """None."""
        return ()

    def reproduced(self, engine: Engine, image: Volume, answer: Any) -> tuple[Tensor, Explain] | None:
        """None: no map is made of an answer's weights."""
        return None

    def operating(self, rows: Sequence[Any], test: Sequence[Any]) -> tuple[dict[str, JSON], dict[str, JSON]]:
        """None: no threshold of a whole image's probability decides."""
        return {}, {}

    def operating_at(self, rows: Sequence[Any], metrics: Mapping[str, JSON]) -> dict[str, JSON]:
        """None."""
        return {}

    def how_decided(self, rows: Sequence[Any]) -> str:
        """Nothing: no choice decides."""
        return ""

    def caveats(self, rows: Sequence[Any]) -> tuple[str, ...]:
        """None."""
        return ()
