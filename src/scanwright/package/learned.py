"""Which cases the models of a package have learned from: learned_from.json, hashes of their images."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from scanwright.package.load import LEARNED_FROM, Package


@dataclass(frozen=True, slots=True)
class Learned:
    """cases: hashes of those that are known. complete: whether these are all; not so of weights that began from a file, which
    says of none, nor of a package that has no such list.
    """

    cases: frozenset[str] = frozenset()
    complete: bool = True

    def to_json(self) -> dict[str, Any]:
        """For learned_from.json."""
        return {"cases": sorted(self.cases), **({} if self.complete else {"complete": False})}


def learned_of(*packages: Package) -> Learned:
    """What some model of the packages has learned from."""
    return together(_of(one.optional(LEARNED_FROM)) for one in packages)


def together(parts: Iterable[Learned]) -> Learned:
    """All of it."""
    every = tuple(parts)
    return Learned(frozenset().union(*(one.cases for one in every)), all(one.complete for one in every))


def _of(kept: Any) -> Learned:
    return Learned(complete=False) if kept is None else Learned(frozenset(kept["cases"]), kept.get("complete", True))
