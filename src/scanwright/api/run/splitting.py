"""Which cases of a run's data learn, and which judge: splits that are given or made, and what must hold of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from scanwright.api.run.folder import Run, read_record
from scanwright.dataset.cases import Dataset
from scanwright.dataset.checks import Checks
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.split import Fold, Splits, make_splits, read_splits
from scanwright.dataset.splitfile import read_names
from scanwright.errors import InputError, UsageError
from scanwright.plan.settings import Settings
from scanwright.problem.kind import Kind as ProblemKind


def learned_from(splits: Splits, fold: int | None, facts: Mapping[str, CaseFacts]) -> dict[str, CaseFacts]:
    """Facts of the cases that the trained folds learn from: of one fold its training part, of all of them every case."""
    trained = splits.folds if fold is None else [splits.folds[fold]]
    names = {name for parts in trained for name in parts.train}
    return {name: found for name, found in facts.items() if name in names}


def require_same_splits(run: Run, splits: Splits) -> None:
    """Raise UsageError if cases have changed sides since this run was planned: its folds have learned from them."""
    if not run.has_begun:
        return
    before, now = read_record(run.path("splits.json")), splits.model_dump(mode="json")
    if (before["folds"], before["test"]) != (now["folds"], now["test"]):
        raise changed(run, "the split has", found="cases on other sides")


def changed(run: Run, what: str, *, found: str) -> UsageError:
    """The error for a run whose data are not those that it was planned for."""
    return UsageError(
        f"{what} changed since this run began",
        where=run.folder,
        found=found,
        hint="Choose another folder with -o, or add --restart to throw the old run away.",
    )


def require_split_file(split: Path | None) -> None:
    """Raise InputError, before any image is read, for a splits file that is not there or is none."""
    if split is not None:
        read_names(split)


def given_splits(dataset: Dataset, split: Path | None, *, exclude: Sequence[str] = ()) -> Splits | None:
    """What a splits file says; None without one."""
    return None if split is None else read_splits(split, dataset.cases, excluded=exclude)


def split_cases(
    dataset: Dataset,
    checks: Checks,
    settings: Settings,
    *,
    given: Splits | None,
    together: Sequence[Sequence[str]] = (),
) -> Splits:
    """The given folds, or folds by patient that keep cases together, of all cases that are not set apart.

    Raises UsageError if the fold asked for does not exist.
    """
    splits = given
    if splits is None or not splits.folds:
        apart = set() if given is None else set(given.test)
        cases = [case.model_copy(update={"split": "test"}) if case.id in apart else case for case in dataset.cases]
        splits = make_splits(cases, folds=settings.folds, seed=settings.seed, facts=checks.facts, together=together)
        splits = splits if given is None else splits.model_copy(update={"stated": f"{given.stated}; {splits.stated}"})
    if settings.fold is not None and not 0 <= settings.fold < len(splits.folds):
        raise UsageError("no such fold", found=f"--fold {settings.fold}", expected=f"0 to {len(splits.folds) - 1}")
    if settings.fold is None:
        require_judged_once(splits)
    return splits


def learnable(splits: Splits, dataset: Dataset, problem: ProblemKind) -> Splits:
    """The splits with only those cases to be learned from that the kind of problem learns from; all others are judged."""
    known = {case.id: case for case in dataset.cases}
    folds = tuple(
        Fold(train=tuple(name for name in fold.train if problem.learns(known[name])), validation=fold.validation)
        for fold in splits.folds
    )
    kept, of = sum(len(fold.train) for fold in folds), sum(len(fold.train) for fold in splits.folds)
    if kept == of:
        return splits
    stated = f"{splits.stated}; only {problem.wording.learned} are learned from"
    return splits.model_copy(update={"folds": folds, "stated": stated})


def require_judged_once(splits: Splits) -> None:
    """Raise InputError if a case validates in two folds: it would have two answers, and one of them a row in no table."""
    judged = Counter(name for fold in splits.folds for name in fold.validation)
    twice = sorted(name for name, times in judged.items() if times > 1)
    if twice:
        raise InputError(
            "cases are judged in more than one fold of the split",
            where=splits.source,
            expected="each case in the validation of one fold",
            found=", ".join(twice[:5]) + (f" and {len(twice) - 5} more" if len(twice) > 5 else ""),
            hint="Train one fold at a time with --fold, each into a folder of its own, or correct the split.",
        )
