"""What an ensemble costs, measured: its engine is built and asked, and its weights are weighed on the disk."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scanwright.api.ensemble.candidates import Candidate
from scanwright.api.ensemble.opinions import Opinions
from scanwright.api.ensemble.voices import Voice
from scanwright.inference.members import num_passes
from scanwright.types import JSON

ASKED = 5
"""Cases that are answered to measure, after one more that is not timed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """passes: forward passes an image, or a window of it. ms: median of the wall time of an answer, image read. megabytes: of
    weights, as their files have them (10^6 bytes).
    """

    passes: int
    ms: float
    megabytes: float

    def to_json(self) -> dict[str, JSON]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What the user is ready to pay; None: anything."""

    most_passes: int | None = None
    most_ms: float | None = None
    most_mb: float | None = None

    def allow(self, cost: Cost) -> bool:
        """Whether a cost is within them."""
        pairs = ((cost.passes, self.most_passes), (cost.ms, self.most_ms), (cost.megabytes, self.most_mb))
        return all(limit is None or value <= limit for value, limit in pairs)

    def stated(self) -> str:
        """In words; "" where nothing is limited."""
        said = [
            f"at most {value:g} {unit}"
            for value, unit in (
                (self.most_passes, "forward passes" if self.most_passes != 1 else "forward pass"),
                (self.most_ms, "ms a case"),
                (self.most_mb, "MB of weights"),
            )
            if value is not None
        ]
        return ", ".join(said)


def measured(candidate: Candidate, voices: Mapping[str, Voice], opinions: Opinions, *, folds: Sequence[int]) -> Cost:
    """The cost of a candidate with the networks of some folds."""
    chosen = [(voices[name], share) for name, share in candidate.packaged.items()]
    engine = opinions.engine(chosen, folds)
    problem, plan = opinions.sources.problem, engine.plan
    cases = opinions.sources.held_out(opinions.sources.folds[0]) or opinions.sources.test
    taken: list[float] = []
    for number, case in enumerate(cases[: ASKED + 1]):
        image = opinions.image(case, plan)
        began = time.perf_counter()
        problem.answer(engine, image)
        if number or len(cases) == 1:
            taken.append(1000 * (time.perf_counter() - began))
    files: set[Path] = {voice.files[fold] for voice, _ in chosen for fold in folds}
    return Cost(
        passes=num_passes(engine),
        ms=statistics.median(taken),
        megabytes=sum(file.stat().st_size for file in files) / 1e6,
    )
