"""The ensembles that runs allow: which voices answer together, and how much each counts.

    single   one network, one forward pass
    semi     several opinions of one training: weights averaged, snapshots, draws of dropout, views, a greedy selection of these
    full     independent trainings: all models together, and a greedy selection of everything

The weights of a greedy selection are those that the other folds choose; a soup's ingredients those that other patients of the
fold choose. So every row of the table is answered, and weighed, by what had no part in its cases.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from scanwright.api.ensemble import voices as make
from scanwright.api.ensemble.opinions import Opinions
from scanwright.api.ensemble.sources import Source, Sources
from scanwright.api.ensemble.voices import Voice, averaged_snapshots
from scanwright.dataset.cases import Case
from scanwright.evaluation.members.ballots import Ballots
from scanwright.evaluation.members.selection import cross_fitted
from scanwright.inference.members import num_passes
from scanwright.problem.pooling import pooling_of
from scanwright.protocols import Progress
from scanwright.training.snapshots import greedy_soup

Sort = Literal["single", "semi", "full"]
PARTS = 3
"""Into so many parts the patients of a fold are divided, for a soup: each part is answered by what the others choose."""
LEAST_PART = 2
MADE = "weights"
"""Where weights lie that were made here."""
Shares = Mapping[str, float]
"""How much each voice counts, by its name; voices that do not count are left out."""


@dataclass(frozen=True)
class Candidate:
    """An ensemble, or a single model. title: as tables have it. how: what it is, in a sentence.

    by_fold: the weights by which each fold's cases are answered. packaged: those of the package and of the test split.
    """

    name: str
    sort: Sort
    title: str
    how: str
    by_fold: Mapping[int, Shares]
    packaged: Shares


@dataclass(frozen=True)
class Built:
    """All candidates, the best known first of their sort, the voices by name, and what could not be built, and why."""

    voices: Mapping[str, Voice]
    candidates: tuple[Candidate, ...]
    left_out: Mapping[str, str]


def build(sources: Sources, opinions: Opinions, folder: Path) -> Built:
    """Let every voice answer, and put together everything that the runs allow. folder: for weights that are made."""
    left_out: dict[str, str] = {}
    by_source = {source.name: _voices_of(source, sources.folds, folder, left_out) for source in sources.models}
    voices = {voice.name: voice for some in by_source.values() for voice in some}
    test = {voice.name: _test_folds(voice, sources) for voice in voices.values()}
    opinions.answer(list(voices.values()), test=test)
    found: list[Candidate] = []
    for source in sources.models:
        own = by_source[source.name]
        found += _alone(source, own, sources.folds)
        if soup := _soup(source, own, sources, opinions, folder):
            voices[soup.name] = soup
            opinions.answer([soup], test={soup.name: _test_folds(soup, sources)})
            how = "mean of the weights of one training that raise the score of held-out cases one after the other"
            found.append(
                _fixed(f"{source.name}: greedy soup", "semi", "greedy soup", how, {soup.name: 1.0}, sources.folds)
            )
        chosen = _greedy(
            own, sources, opinions, name=f"{source.name}: greedy", sort="semi", title="greedy selection of one training"
        )
        found += [chosen] if chosen else []
    singles = [make.single(source, sources.folds).name for source in sources.models]
    if len(singles) > 1:
        how = f"mean of {len(singles)} independent models"
        found.append(_fixed("full", "full", "full: all models", how, dict.fromkeys(singles, 1.0), sources.folds))
        every = [voice for some in by_source.values() for voice in some]
        chosen = _greedy(every, sources, opinions, name="greedy", sort="full", title="greedy selection of everything")
        found += [chosen] if chosen else []
    else:
        left_out["full ensemble"] = (
            "one model alone was given: train a second one on the same folds (--split RUN/splits.json)"
        )
    if len(sources.folds) < 2:
        left_out["greedy selection"] = "one fold alone was trained by all, and what is chosen is judged on other folds"
    return Built(voices, tuple(found), left_out)


def _test_folds(voice: Voice, sources: Sources) -> tuple[int, ...]:
    """Which networks of a voice answer the test split: of a plain one all folds', of others the first fold's, as the table
    compares what comes of one training.
    """
    if not sources.test:
        return ()
    return sources.folds if voice.variant == make.SINGLE else sources.folds[:1]


def _voices_of(source: Source, folds: tuple[int, ...], folder: Path, left_out: dict[str, str]) -> list[Voice]:
    """Every plain voice of one training: single, views, dropout, snapshots and their mean."""
    found = [make.single(source, folds)]
    seen, dropped = make.views(source, folds), make.dropout(source, folds)
    if seen:
        found.append(seen)
    else:
        left_out[f"{source.name}: views"] = "training mirrored no axis, so mirrored images are strange to the network"
    if dropped:
        found.append(dropped)
    else:
        left_out[f"{source.name}: dropout"] = f"{source.title} has no dropout"
    taken = make.snapshots(source, folds)
    if len(taken) > 1:
        target = folder / MADE / source.name.replace("/", "_")
        found += [averaged_snapshots(source, taken, target), *taken]
    else:
        left_out[f"{source.name}: snapshots"] = (
            "its training takes no steps" if source.plan.training.snapshots == 0 else "its folds kept no snapshots"
        )
    return found


def _alone(source: Source, own: Sequence[Voice], folds: tuple[int, ...]) -> list[Candidate]:
    """What comes of one training without a choice."""
    by_variant = {voice.variant: voice for voice in own}
    taken = [voice for voice in own if voice.variant.startswith(make.SNAPSHOT)]
    found = [
        _fixed(
            source.name,
            "single",
            f"single: {source.title}",
            "one network, averaged weights (EMA), seen once",
            {own[0].name: 1.0},
            folds,
        )
    ]

    def add(name: str, title: str, how: str, shares: Shares) -> None:
        found.append(_fixed(f"{source.name}: {name}", "semi", title, how, shares, folds))

    if taken:
        add(
            "last weights",
            "last weights",
            "the weights that training ended with, instead of their moving average",
            {taken[-1].name: 1.0},
        )
        add("SWA", "SWA", f"uniform mean of {len(taken)} snapshots' weights", {by_variant[make.SWA].name: 1.0})
        add(
            "snapshots",
            "snapshot ensemble",
            f"mean of the answers of {len(taken)} snapshots",
            {one.name: 1.0 for one in taken},
        )
    if make.DROPOUT in by_variant:
        voice = by_variant[make.DROPOUT]
        passes = voice.plan.inference.dropout_passes
        add(
            "dropout",
            "Monte-Carlo dropout",
            f"mean of {passes} passes with values dropped at random",
            {voice.name: 1.0},
        )
    if make.VIEWS in by_variant:
        add("views", "test-time views", "mean of the image and its mirror images", {by_variant[make.VIEWS].name: 1.0})
    return found


def _fixed(name: str, sort: Sort, title: str, how: str, shares: Shares, folds: Sequence[int]) -> Candidate:
    """A candidate whose weights nobody chooses."""
    return Candidate(name, sort, title, how, dict.fromkeys(folds, shares), shares)


def _greedy(
    own: Sequence[Voice], sources: Sources, opinions: Opinions, *, name: str, sort: Sort, title: str
) -> Candidate | None:
    """A selection of voices with replacement, chosen for each fold on the others; None where there is nothing to choose."""
    if len(own) < 2 or len(sources.folds) < 2:
        return None
    fold_of = sources.fold_of
    cases = [sources.cases[name] for name in fold_of]
    ballots = ballots_of(opinions, own, cases)
    costs = [float(num_passes(opinions.engine([(voice, 1.0)], sources.folds[:1]))) for voice in own]
    chosen = cross_fitted(ballots, list(fold_of.values()), costs=costs)

    def shares(counts: Sequence[int]) -> Shares:
        return {voice.name: float(count) for voice, count in zip(own, counts, strict=True) if count}

    whole = shares(chosen.whole.counts)
    said = ", ".join(f"{count:g} × {name}" for name, count in whole.items())
    return Candidate(
        name, sort, title, f"chosen with replacement; of all folds together: {said}",
        {fold: shares(one.counts) for fold, one in chosen.by_fold.items()}, whole,
    )  # fmt: skip


def ballots_of(opinions: Opinions, own: Sequence[Voice], cases: Sequence[Case]) -> Ballots:
    """What voices say of held-out cases, held against what is true."""
    return opinions.pooling.ballots(cases, lambda case: [opinions.held_out(voice, case) for voice in own])


def _soup(source: Source, own: Sequence[Voice], sources: Sources, opinions: Opinions, folder: Path) -> Voice | None:
    """A voice whose weights are a greedy soup of one training's, chosen in each fold; None without snapshots."""
    ingredients = {
        voice.variant: voice for voice in own if voice.variant == make.SINGLE or voice.variant.startswith(make.SNAPSHOT)
    }
    if len(ingredients) < 2:
        return None
    opinions.tell(Progress("soup", note=f"{source.name}: mixing {len(ingredients)} sets of weights"))
    files: dict[int, Path] = {}
    by_case: dict[str, Path] = {}
    for fold in sources.folds:
        pot = Pot(source, ingredients, fold, sources, opinions, folder / MADE / source.name.replace("/", "_"))
        cases = sources.held_out(fold)
        files[fold] = pot.file(pot.chosen_on(cases))
        for part in parts_of(cases):
            others = [case for case in cases if case.id not in {one.id for one in part}]
            file = pot.file(pot.chosen_on(others)) if others else files[fold]
            by_case |= {case.id: file for case in part}
    return Voice(source, make.SOUP, make.asked_once(source.plan), files, by_case)


def parts_of(cases: Sequence[Case]) -> list[list[Case]]:
    """A fold's cases in parts, patients kept together."""
    patients = sorted({case.patient for case in cases})
    part_of = {patient: place % PARTS for place, patient in enumerate(patients)}
    parts = [[case for case in cases if part_of[case.patient] == part] for part in range(PARTS)]
    return [part for part in parts if part]


@dataclass(frozen=True)
class Pot:
    """Where the soup of one fold is made: ingredients by variant, and what mixtures of them say of the held-out cases."""

    source: Source
    ingredients: Mapping[str, Voice]
    fold: int
    sources: Sources
    opinions: Opinions
    folder: Path
    made: set[Path] = field(default_factory=set)
    asked: dict[tuple[str, ...], Callable[[Case], Any]] = field(default_factory=dict)

    def file(self, names: tuple[str, ...]) -> Path:
        """The file with the mean of some ingredients; of one its own."""
        files = [self.ingredients[name].files[self.fold] for name in sorted(names)]
        if len(files) == 1:
            return files[0]
        short = "-".join(name.removeprefix(make.SNAPSHOT).strip() for name in sorted(names))
        target = self.folder / f"fold_{self.fold}_mean_{short}.safetensors"
        if target not in self.made:  # made anew once: the run may have been trained again since
            self.made.add(make.mean_file(files, target))
        return target

    def chosen_on(self, cases: Sequence[Case]) -> tuple[str, ...]:
        """The ingredients that these cases choose."""
        return greedy_soup(list(self.ingredients), lambda names: self._score(names, cases))[0]

    def _score(self, names: tuple[str, ...], cases: Sequence[Case]) -> float | None:
        voice = self.ingredients[make.SINGLE]
        if names not in self.asked:
            self.asked[names] = self.opinions.answer_with(voice, self.file(names), self.sources.held_out(self.fold))
        read = self.asked[names]
        ballots = pooling_of(self.sources.problem).ballots(cases, lambda case: [read(case)])
        return ballots.score(np.ones(1), np.arange(len(cases)))
