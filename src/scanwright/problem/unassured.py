"""What kinds of problem share that do not tell how sure an answer is, beyond what it shows itself."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from scanwright.geometry.volume import Volume
from scanwright.inference.predict import Engine
from scanwright.plan.plan import Plan
from scanwright.problem.certain import NOT_TOLD, Certain
from scanwright.types import JSON, Array, Floats


class Unassured:
    """Mixed into a problem of one task; see `kind.Kind` for what each is asked."""

    answer: Callable[..., Any]

    def answer_to_judge(self, engine: Engine, image: Volume, *, where: Path | None = None) -> tuple[Any, Array | None]:
        """The answer, and nothing beside it."""
        return self.answer(engine, image, where=where), None

    def keep(self, file: Path, sure: Array | None) -> None:
        """Nothing."""

    def opinions(self, file: Path) -> Floats | None:
        """None."""
        return None

    def certainty(
        self, rows: Sequence[Any], raw: Sequence[Any], plan: Plan, opinions: Mapping[str, Floats]
    ) -> tuple[dict[str, JSON], dict[str, JSON] | None]:
        """Nothing."""
        return {}, None

    def assured(self, confidence: Mapping[str, JSON] | None) -> Self:
        """This problem."""
        return self

    def certainty_on(
        self,
        rows: Sequence[Any],
        raw: Sequence[Any] | None,
        opinions: Mapping[str, Floats],
        *,
        told: Mapping[str, Mapping[str, JSON]] | None = None,
    ) -> dict[str, JSON]:
        """Nothing."""
        return {}

    def certain(self, answer: Any, sure: Array | None) -> Certain:
        """Nothing."""
        return NOT_TOLD
