"""A new case held against the training cases that its model's package holds: the nearest, and whether it is unlike all."""

from dataclasses import dataclass

from scanwright.doubt import Doubt
from scanwright.explanation.known import Known
from scanwright.features.deep import image_features
from scanwright.geometry.volume import Volume
from scanwright.inference.predict import Engine
from scanwright.transform.preprocess import to_network

SHOWN = 5
UNLIKE = Doubt("unlike-training", "unlike every training case, as the model sees it")


@dataclass(frozen=True, slots=True)
class Likeness:
    """A new case held against the training cases. nearest: what is known of each and its distance, the nearest first.

    places: their rows among the known cases.
    """

    nearest: tuple[tuple[str, float], ...]
    is_unlike: bool
    places: tuple[int, ...]

    def to_json(self) -> list[dict[str, str | float]]:
        """Plain data, for predictions.json."""
        return [{"target": text, "distance": round(distance, 4)} for text, distance in self.nearest]

    def doubts(self) -> tuple[Doubt, ...]:
        """That the case is farther from all training cases than they are from each other."""
        return (UNLIKE,) if self.is_unlike else ()


def likeness_of(known: Known, engine: Engine, image: Volume) -> Likeness:
    """An image held against known cases, as the first network of the engine sees both."""
    prepared, _ = to_network(image, engine.plan.preprocess)
    features = image_features(engine.networks[0], prepared, engine.plan, device=engine.device.type)
    found = known.nearest(features, count=SHOWN)
    nearest = tuple((known.targets[one.index], one.distance) for one in found)
    return Likeness(nearest, known.is_unlike(found), tuple(one.index for one in found))
