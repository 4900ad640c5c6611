"""Which cases train and which judge: folds by patient, stratified and repeatable, or as a given file says.

In folds made here a patient is never on two sides; cases with the same voxels count as one patient's. Cases that the data set
sets apart ("test") are in no fold, and neither are further cases of their patients.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from scanwright.dataset.cases import Case, Classes, Quantities
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.splitfile import read_names
from scanwright.dataset.task import Frozen
from scanwright.errors import InputError, PolicyError, UsageError
from scanwright.io.formats import is_image, stem
from scanwright.runtime import generator

VOLUME_CLASSES, NUMBER_CLASSES = 3, 5
NO_FACTS: Mapping[str, CaseFacts] = {}


class Fold(Frozen):
    """Case ids of one fold: those learned from, and those it is judged on. Each sorted, no case in both."""

    train: tuple[str, ...]
    validation: tuple[str, ...]


class Splits(Frozen):
    """All folds, and the declared test cases. source: how they were made or the file's name. stated: for people.

    No fold: a file that only sets test cases apart (`read_splits`).
    """

    folds: tuple[Fold, ...]
    test: tuple[str, ...] = ()
    source: str
    stated: str = ""


def make_splits(
    cases: Sequence[Case],
    *,
    folds: int = 5,
    seed: int = 0,
    facts: Mapping[str, CaseFacts] = NO_FACTS,
    strata: str | None = None,
    together: Sequence[Collection[str]] = (),
) -> Splits:
    """Folds of equal size by patient, the same for the same seed whatever the order of the cases.

    Each fold gets its share of every stratum: the classes of a patient's images, a fifth of the range of their quantities, or
    the regions that a patient has and a third of the range of their volume (from `facts`); or the values of the group column
    `strata`. Fewer patients than folds: a fold for each patient.

    together: groups of cases that are to stay on one side of each fold as if they were one patient's, such as near-duplicates.
        They take no case out of training for what is in the test split: that is an error, or somebody has let it pass.
    Only labelled cases take part. Raises UsageError if folds < 2 or no case has the group `strata`, InputError if
    there are labelled cases of fewer than two patients.
    """
    if folds < 2:
        raise UsageError(
            "cross-validation needs at least two folds", found=f"folds {folds}", hint="Use --fold K for one."
        )
    owners = owners_of(cases, facts, together)
    kept, test, left_out = _eligible(cases, owners_of(cases, facts))
    patients: dict[str, list[Case]] = defaultdict(list)
    for case in sorted(kept, key=lambda case: case.id):
        patients[owners[case.id]].append(case)
    if len(patients) < 2:
        raise InputError(
            "too few patients to train and to judge",
            expected="labelled cases of two patients",
            found=f"{len(kept)} of {len(patients)}",
            hint="Add scans of other patients. Do two share one name? Check the column patient_id.",
        )
    stratum = strata_of(patients, facts, strata)
    number = min(folds, len(patients))
    home = _dealt(patients, stratum, number, seed)
    made = tuple(
        Fold(
            train=tuple(case.id for case in kept if home[owners[case.id]] != fold),
            validation=tuple(case.id for case in kept if home[owners[case.id]] == fold),
        )
        for fold in range(number)
    )
    apart = len({case.patient for case in kept}) - len(patients)
    answered = any(case.target is not None for case in kept)
    by = f"group {strata}" if strata else "target" if answered else "regions and volume" if facts else ""
    stated = _stated(made, len(patients), folds, left_out) + (f", stratified by {by}" if by else "")
    stated += f"; patients who share an image or nearly one count as one ({apart} fewer)" if apart else ""
    return Splits(folds=made, test=test, source=f"made with seed {seed}", stated=stated)


def owners_of(
    cases: Sequence[Case],
    facts: Mapping[str, CaseFacts] = NO_FACTS,
    together: Sequence[Collection[str]] = (),
) -> dict[str, str]:
    """Who each case counts for: its patient, or one name for all patients who share an image voxel for voxel.

    together: groups of cases whose patients count as one as well; names of no case are passed over.
    """
    root: dict[str, str] = {case.patient: case.patient for case in cases}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    seen: dict[tuple[str, ...], str] = {}
    for case in sorted(cases, key=lambda case: case.id):
        if case.id in facts:
            twin = seen.setdefault(facts[case.id].image_hashes, case.patient)
            root[find(case.patient)] = find(twin)
    patients = {case.id: case.patient for case in cases}
    for group in together:
        first, *others = sorted(patients[name] for name in group if name in patients) or [""]
        for other in others:
            root[find(other)] = find(first)
    return {case.id: find(case.patient) for case in cases}


def read_splits(
    path: Path,
    cases: Sequence[Case],
    *,
    excluded: Collection[str] = (),
) -> Splits:
    """A given split: nnU-Net's JSON, a splits.json of a run, or a CSV.

    Names are case ids or file names; the forms are those of splitfile.py. excluded: cases left out by name, which the file
    may still mention. A single fold that validates nothing, beside test cases, is none: the file sets these apart, no more.

    Raises InputError if the file is malformed, names a case twice, one that is not there or without a label, or leaves a
    labelled case out of every fold; PolicyError if a case is on two sides of a fold or in the test split as well. Whether a
    patient is, `gate.leakage` says.
    """
    folds, test = read_names(path)
    for side in (*(side for fold in folds for side in fold), test):
        twice = sorted(name for name, times in Counter(side).items() if times > 1)
        if twice:
            hint = "List each case once on a side."
            raise InputError("a side of the split names a case twice", where=path, found=_some(twice), hint=hint)
    known = {case.id: case for case in cases}
    folds = [(_named(train, known, excluded, path), _named(val, known, excluded, path)) for train, val in folds]
    declared = {case.id for case in cases if case.split == "test" and case.is_labelled}
    apart = sorted({*_named(test, known, excluded, path), *declared})
    named = {name for fold in folds for side in fold for name in side}
    forgotten = sorted(case.id for case in cases if case.is_labelled and case.id not in {*named, *apart})
    if forgotten:
        raise InputError(
            "the split leaves out cases of this data set",
            where=path,
            found=_some(forgotten),
            hint="Add them to the file, or leave them out with --exclude.",
        )
    if apart and len(folds) == 1 and folds[0][0] and not folds[0][1]:
        _require_apart(folds[0][0], apart, where=path, sides="train and the test split")
        return Splits(folds=(), test=tuple(apart), source=path.name, stated=f"a test split as {path.name} says")
    for number, (train, validation) in enumerate(folds):
        if not train or not validation:
            raise InputError(
                "a fold of the split has an empty side",
                where=path,
                expected="cases to train on and cases to validate on in each fold",
                found=f"no case to {'validate' if train else 'train'} on in fold {number}",
                hint="Name some, or set cases apart with the word test alone: folds are then made of the others.",
            )
        _require_apart(train, validation, where=path, sides=f"train and validation of fold {number}")
        _require_apart([*train, *validation], apart, where=path, sides=f"fold {number} and the test split")
    made = tuple(Fold(train=tuple(sorted(train)), validation=tuple(sorted(val))) for train, val in folds)
    stated = f"{len(made)} fold{'s' if len(made) > 1 else ''} as {path.name} says"
    return Splits(folds=made, test=tuple(apart), source=path.name, stated=stated)


def _eligible(cases: Sequence[Case], owners: Mapping[str, str]) -> tuple[list[Case], tuple[str, ...], int]:
    """Labelled cases for the folds, ids of the declared test cases, and how many are left out for the latter's sake."""
    labelled = sorted((case for case in cases if case.is_labelled), key=lambda case: case.id)
    test = [case for case in labelled if case.split == "test"]
    tested = {owners[case.id] for case in test}
    train = [case for case in labelled if case.split == "train"]
    kept = [case for case in train if owners[case.id] not in tested]
    return kept, tuple(case.id for case in test), len(train) - len(kept)


def strata_of(patients: Mapping[str, list[Case]], facts: Mapping[str, CaseFacts], column: str | None) -> dict[str, str]:
    """A word for each patient; those with the same word are spread evenly over the folds. patients: the cases of each.

    column: a group column whose values are the words; None: classes, quantities, or regions and volume, as `make_splits` says.
    """
    if column is not None:
        words = {
            name: "|".join(sorted({case.groups.get(column, "") for case in own})) for name, own in patients.items()
        }
        if not any(word.strip("|") for word in words.values()):
            groups = sorted({key for own in patients.values() for case in own for key in case.groups})
            raise UsageError("no case has this group", found=column, expected=f"one of {', '.join(groups) or 'none'}")
        return words
    if any(case.target is not None for own in patients.values() for case in own):
        return answer_strata(patients)
    if not all(case.id in facts for own in patients.values() for case in own):
        return dict.fromkeys(patients, "")
    volumes = {name: _mean_volume([facts[case.id] for case in own]) for name, own in patients.items()}
    cuts = np.quantile(list(volumes.values()), np.arange(1, VOLUME_CLASSES) / VOLUME_CLASSES)
    return {
        name: f"{_regions_of([facts[case.id] for case in own])} size {int(np.searchsorted(cuts, volumes[name]))}"
        for name, own in patients.items()
    }


def answer_strata(patients: Mapping[str, list[Case]]) -> dict[str, str]:
    """The classes of each patient's images; of quantities the fifth of their range in which the mean of the first lies."""
    classes = {
        name: "+".join(sorted({word for case in own if isinstance(case.target, Classes) for word in case.target.names}))
        for name, own in patients.items()
    }
    numbers = {name: _mean_number(own) for name, own in patients.items()}
    known = [value for value in numbers.values() if value is not None]
    if not known:
        return classes
    cuts = np.quantile(known, np.arange(1, NUMBER_CLASSES) / NUMBER_CLASSES)
    return {
        name: "unknown" if value is None else f"number {int(np.searchsorted(cuts, value))}"
        for name, value in numbers.items()
    }


def _mean_number(own: Sequence[Case]) -> float | None:
    known = [
        case.target.numbers[0]
        for case in own
        if isinstance(case.target, Quantities) and case.target.numbers[0] is not None
    ]
    return float(np.mean(known)) if known else None


def _mean_volume(own: Sequence[CaseFacts]) -> float:
    return float(np.mean([sum(facts.region_voxels.values()) * facts.voxel_volume for facts in own]))


def _regions_of(own: Sequence[CaseFacts]) -> str:
    present = {name for facts in own for name, voxels in facts.region_voxels.items() if voxels}
    return "+".join(sorted(present)) or "nothing"


def _dealt(patients: Mapping[str, list[Case]], stratum: Mapping[str, str], number: int, seed: int) -> dict[str, int]:
    """Patients dealt to folds: rare strata first, each patient to the fold with the fewest cases of it."""
    shuffled = generator(seed, number).permutation(sorted(patients)).tolist()
    sizes = Counter(stratum[name] for name in shuffled)
    queue = sorted(shuffled, key=lambda name: (sizes[stratum[name]], stratum[name], -len(patients[name])))
    held: Counter[tuple[int, str]] = Counter()
    loads = [0] * number
    home: dict[str, int] = {}
    for name in queue:
        word = stratum[name]
        fold = min(range(number), key=lambda fold: (held[fold, word], loads[fold], fold))
        home[name] = fold
        held[fold, word] += len(patients[name])
        loads[fold] += len(patients[name])
    return home


def _stated(folds: Sequence[Fold], patients: int, asked: int, left_out: int) -> str:
    sizes = sorted({len(fold.validation) for fold in folds})
    size = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    text = f"{len(folds)} folds of {size} validation cases, by patient"
    text += f" ({len(folds)} and not {asked}: there are only {patients} patients)" if len(folds) < asked else ""
    return text + (f", {left_out} cases left out because their patient is in the test split" if left_out else "")


def _named(names: Sequence[str], known: Mapping[str, Case], excluded: Collection[str], path: Path) -> list[str]:
    """Case ids behind names, without the excluded ones. Raises InputError for names of no case or of one without a label."""
    ids = [name if name in known or not is_image(Path(name)) else stem(Path(name)) for name in names]
    unknown = [name for name in ids if name not in known and name not in excluded]
    if unknown:
        hint = "Correct the names, or remove them from the file."
        raise InputError("the split names cases that are not there", where=path, found=_some(unknown), hint=hint)
    bare = [name for name in ids if name in known and not known[name].is_labelled]
    if bare:
        raise InputError("the split names cases that have no label", where=path, found=_some(bare))
    return [name for name in ids if name in known and name not in excluded]


def _require_apart(one: Sequence[str], other: Sequence[str], *, where: Path, sides: str) -> None:
    """Raise PolicyError, naming cases, if one is on both sides."""
    shared = sorted({*one} & {*other})
    if shared:
        raise PolicyError(
            "a case is on two sides of the split",
            where=where,
            expected=f"no case in both {sides}",
            found=_some(shared),
            hint="List each case on one side.",
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
