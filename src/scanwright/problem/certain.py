"""How sure a model is of an answer, as it is told of a case, and as a set of cases has shown it.

fitted       on out-of-fold answers, for the package (confidence.json): `Kind.certainty`
judged       the same, each fold by what the others say; and on cases that had no part in it: `Kind.certainty_on`
told         of one case, by the package: `Kind.certain`
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scanwright.doubt import Doubt
from scanwright.types import JSON

CERTAINTY = "certainty"
"""Where metrics.json, predictions.json and the file of a case tell of it."""
MOST_TOLD = 8
"""Opinions of one case that are kept: of so many networks and views."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Certain:
    """What is told of one case. found: as plain data, under CERTAINTY. said: sentences for people, of no doubt; doubts:
    that the models differ.
    """

    found: Mapping[str, JSON] = field(default_factory=dict)
    said: tuple[Doubt, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    def to_json(self) -> dict[str, JSON]:
        """For predictions.json; {} where nothing is told."""
        return {CERTAINTY: dict(self.found)} if self.found else {}


NOT_TOLD = Certain()
