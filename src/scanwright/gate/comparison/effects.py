"""How much two things about patients go together, whatever kind they are, and how sure that is.

    group and number, two groups     Mann-Whitney U              Cliff's delta           medium 0.33, large 0.474
    group and number, more groups    Kruskal-Wallis H            epsilon squared         medium 0.06, large 0.14
    group and word, two of each      Fisher's exact test         Cramér's V              medium 0.3, large 0.5
    group and word, more             chi-squared                 Cramér's V              the same / sqrt(least categories - 1)
    number and number                Spearman's rank correlation rho                     medium 0.3, large 0.5

Sources of what is medium and large: Cliff's delta, Romano et al. 2006 (annual meeting of the Florida Association of
Institutional Research); epsilon squared as eta squared, Cramér's V as w, and rho as r: Cohen 1988, Statistical Power Analysis,
2nd edition.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from scanwright.types import Floats

Size = Literal["small", "medium", "large"]

FEWEST = 5
"""Patients that every group, and every word, must have; words of fewer are taken together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Association:
    """A test and an effect. measure: "Cliff's delta" and so on. size: how large it counts as.

    effect: Cliff's delta is positive if the first group by name has the larger values, rho if the numbers rise together.
    """

    test: str
    p: float
    measure: str
    effect: float
    size: Size


def number_by_group(numbers: Sequence[float], groups: Sequence[str]) -> Association | None:
    """Whether a number differs between groups. None if the number never varies or there are not two groups of five."""
    values, names = np.asarray(numbers, float), np.asarray(groups)
    parts = [part for name in sorted(set(groups)) if len(part := values[names == name]) >= FEWEST]
    if len(parts) < 2 or np.ptp(np.concatenate(parts)) == 0:
        return None
    if len(parts) > 2:
        found = stats.kruskal(*parts)
        total = sum(len(part) for part in parts)
        effect = float(found.statistic) / (total - 1)
        return _association("Kruskal-Wallis", found.pvalue, "epsilon squared", effect, (0.06, 0.14))
    found = stats.mannwhitneyu(parts[0], parts[1], method="asymptotic")
    effect = 2 * float(found.statistic) / (len(parts[0]) * len(parts[1])) - 1
    return _association("Mann-Whitney", found.pvalue, "Cliff's delta", effect, (0.33, 0.474))


def word_by_group(words: Sequence[str], groups: Sequence[str]) -> Association | None:
    """Whether words are spread differently over groups. None if either is the same for all."""
    table = _table(words, groups)
    if min(table.shape) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        chi2 = stats.chi2_contingency(table, correction=False)
    least = min(table.shape) - 1
    effect = math.sqrt(float(chi2.statistic) / (table.sum() * least))
    limits = (0.3 / math.sqrt(least), 0.5 / math.sqrt(least))
    if table.shape == (2, 2):
        return _association("Fisher", stats.fisher_exact(table).pvalue, "Cramér's V", effect, limits)
    return _association("chi-squared", chi2.pvalue, "Cramér's V", effect, limits)


def number_by_number(one: Sequence[float], other: Sequence[float]) -> Association | None:
    """Whether two numbers rise together. None if either never varies, or under ten patients."""
    if len(one) < 2 * FEWEST or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    found = stats.spearmanr(one, other)
    return _association("Spearman", found.pvalue, "rho", float(found.statistic), (0.3, 0.5))


def _association(test: str, p: float, measure: str, effect: float, limits: tuple[float, float]) -> Association:
    strength = abs(effect)
    size: Size = "large" if strength >= limits[1] else "medium" if strength >= limits[0] else "small"
    return Association(test=test, p=min(max(float(p), 0.0), 1.0), measure=measure, effect=effect, size=size)


def _table(words: Sequence[str], groups: Sequence[str]) -> Floats:
    """Counts (words, groups) of the groups that are large enough; words that few have in one row together."""
    kept = {name for name in set(groups) if list(groups).count(name) >= FEWEST}
    pairs = [(word, group) for word, group in zip(words, groups, strict=True) if group in kept]
    common = {word for word in {word for word, _ in pairs} if sum(one == word for one, _ in pairs) >= FEWEST}
    rows = sorted(common) + ([None] if len(common) < len({word for word, _ in pairs}) else [])
    places = {word: number for number, word in enumerate(rows)}
    columns = {group: number for number, group in enumerate(sorted(kept))}
    table = np.zeros((len(rows), len(columns)))
    for word, group in pairs:
        table[places[word if word in common else None], columns[group]] += 1
    return table
