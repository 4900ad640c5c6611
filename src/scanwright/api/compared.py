"""What a comparison of models found, as compare.json has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from scanwright.api.judged_sources import Aligned, Source
from scanwright.evaluation.comparing.contrast import TESTS, Contrast, Measured, all_values
from scanwright.evaluation.comparing.pairwise import LEVEL, Pair
from scanwright.evaluation.comparing.standing import Ranking
from scanwright.files import finite_or_none
from scanwright.problem.kind import Kind
from scanwright.types import JSON


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Models on the same cases. measures: the first decides; pairs: of each measure, in their order. ranking: by the first.

    against: the model that all others are held against; None: every pair. margin: of the first measure, None without one.
    """

    sources: Sequence[Source]
    aligned: Aligned
    problem: Kind
    measures: Sequence[Measured]
    pairs: Sequence[Sequence[Pair]]
    ranking: Ranking
    against: str | None
    margin: float | None
    seed: int

    @property
    def first(self) -> Measured:
        """The measure that decides."""
        return self.measures[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The models."""
        return tuple(self.aligned.rows)

    @cached_property
    def num_cases(self) -> int:
        """Cases that are compared."""
        return len(next(iter(self.aligned.rows.values())))

    @cached_property
    def num_patients(self) -> int:
        """Whose they are."""
        return len({row.patient for row in next(iter(self.aligned.rows.values()))})

    @cached_property
    def values(self) -> list[Mapping[str, float | None]]:
        """Of each measure, each model's value on all cases."""
        return [all_values(measure) for measure in self.measures]

    def family(self) -> str:
        """What p-values are corrected for, in a sentence."""
        number = len(self.pairs[0])
        if number == 1:
            return "There is one pair: nothing is corrected. Each further measure is a question of its own."
        which = "pairs of models" if self.against is None else f"models held against {self.against}"
        return (
            f"p-values are corrected by Holm for the {number} {which}, in each measure and each test by itself; the wider "
            f"intervals, by Bonferroni, hold for all {number} at once. The first measure is the one that was asked for; the "
            "others are not corrected for their number."
        )

    def to_json(self, sentences: Sequence[str]) -> dict[str, JSON]:
        """compare.json. sentences: what it says in words."""
        return {
            "problem": self.problem.name,
            "cases": self.num_cases,
            "patients": self.num_patients,
            "primary": {"metric": self.first.metric, "part": self.first.part, "better": self.first.better},
            "models": {one.name: self._source(one) for one in self.sources},
            "against": self.against,
            "margin": self.margin,
            "level": LEVEL,
            "seed": self.seed,
            "family": self.family(),
            "tests": dict(TESTS),
            "ranking": {
                "draws": self.ranking.draws,
                "kendall_tau": finite_or_none(self.ranking.agreement),
                "models": {one.model: one.to_json() for one in self.ranking.standings},
            },
            "measures": [
                {
                    "metric": measure.metric,
                    "part": measure.part,
                    "better": measure.better,
                    "values": dict(values),
                    "pairs": [pair_json(one) for one in pairs],
                }
                for measure, values, pairs in zip(self.measures, self.values, self.pairs, strict=True)
            ],
            "said": list(sentences),
            "notes": list(self.aligned.notes),
        }

    def _source(self, source: Source) -> dict[str, JSON]:
        return {
            "kind": source.kind,
            "from": source.path.name,
            "judged_on": self.aligned.on[source.name],
            "left_out": self.aligned.left_out[source.name],
            **({"digest": source.digest} if source.digest else {}),
        }


def pair_json(pair: Pair) -> dict[str, JSON]:
    """One pair in one measure."""
    one = pair.contrast
    return {
        "first": pair.first,
        "second": pair.second,
        "difference": finite_or_none(one.value),
        "ci95": _ends(one.interval),
        "ci_all_pairs": _ends(one.wide),
        **({"ci95_bootstrap": _ends(one.bootstrap)} if one.bootstrap is not None else {}),
        **_effect(one),
        "decides": pair.decides,
        "p": {name: {"p": p, "p_corrected": pair.corrected[name]} for name, p in one.p.items()},
        "n": one.n,
        "n_patients": one.n_patients,
        "verdict": pair.verdict.to_json(),
    }


def _effect(one: Contrast) -> dict[str, JSON]:
    if one.effect is None:
        return {}
    return {"hodges_lehmann": {"effect": one.effect, "ci95": _ends(one.effect_interval)}}


def _ends(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)
