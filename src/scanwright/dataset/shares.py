"""Shares of the training cases of each fold, nested and by patient, for a learning curve."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from scanwright.dataset.cases import Case
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.split import Fold, Splits, strata_of
from scanwright.runtime import generator


def share_of_splits(
    splits: Splits,
    share: float,
    *,
    cases: Mapping[str, Case],
    facts: Mapping[str, CaseFacts],
    owners: Mapping[str, str],
    seed: int,
) -> Splits:
    """The splits with a share, above 0 and up to 1, of each fold's training patients; what is judged stays.

    owners: by case, who it counts for; all cases of one owner are in a share or none is. Every stratum (the classes of a
    patient's images, a fifth of the range of their quantities, or their regions and a third of the range of their volume)
    gives its share, rounded, and one patient at least. A smaller share of the same seed is part of a larger one.
    """
    folds = tuple(
        Fold(
            train=share_of(fold.train, share, cases=cases, facts=facts, owners=owners, key=(seed, number)),
            validation=fold.validation,
        )
        for number, fold in enumerate(splits.folds)
    )
    return splits.model_copy(update={"folds": folds, "stated": f"{splits.stated}; {share:g} of each fold's patients"})


def share_of(
    names: Sequence[str],
    share: float,
    *,
    cases: Mapping[str, Case],
    facts: Mapping[str, CaseFacts],
    owners: Mapping[str, str],
    key: tuple[int, ...],
) -> tuple[str, ...]:
    """The cases among `names` of a share of their owners, in their order. key: of the random order of owners."""
    own: dict[str, list[Case]] = defaultdict(list)
    for name in sorted(names):
        own[owners[name]].append(cases[name])
    strata: dict[str, list[str]] = defaultdict(list)
    for owner, word in strata_of(own, facts, None).items():
        strata[word].append(owner)
    kept = set()
    for place, word in enumerate(sorted(strata)):
        order = generator(*key, place).permutation(sorted(strata[word])).tolist()
        kept |= set(order[: max(1, round(share * len(order)))])
    return tuple(name for name in names if owners[name] in kept)
