"""The package of an ensemble: the networks of its members, how much each counts, and what cross-fitting says of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scanwright.api.data.gate import CHECKS
from scanwright.api.ensemble.candidates import Built
from scanwright.api.ensemble.sources import PACKAGE, Sources
from scanwright.api.ensemble.table import Judged
from scanwright.api.ensemble.voices import SINGLE, VIEWS, Voice
from scanwright.api.run.folder import Run, read_record
from scanwright.api.run.learn import read_log
from scanwright.api.run.parts import OF_PATIENTS, RESEARCH_USE, limits_of_data, limits_of_set
from scanwright.api.run.study import DATASHEET
from scanwright.api.run.telling import chosen_members, policy_text
from scanwright.dataset.cases import Fault
from scanwright.dataset.facts import Fingerprint
from scanwright.explanation.reference import Reference
from scanwright.files import canonical_json, read_json
from scanwright.package.learned import learned_of
from scanwright.package.load import IN_RANGE, KNOWN_CASES, LEARNED_FROM, MEMBERS, Package, load
from scanwright.release.pack import pack
from scanwright.report.card import card_markdown, make_card
from scanwright.report.datasheet import answer_to


def write_package(path: Path, kept: Judged, built: Built, sources: Sources, *, choice: Sequence[str]) -> str:
    """model.swm of what is kept, with the networks of `kept.folds`. Gives its digest.

    choice: what must be said of how it was chosen, a sentence each. An ensemble of one voice has no members.json: its package
    is as `train` writes one.
    """
    members = ordered(kept, built)
    first = members[0][0]
    run, task = first.source.whole, sources.dataset.task
    plan = first.plan.model_copy(
        update={"training": first.plan.training.model_copy(update={"folds": tuple(kept.folds)})}
    ).to_json()
    faults = [Fault.model_validate(one) for one in read_record(run.path(CHECKS))["faults"]]
    sheet = read_json(run.path(f"{DATASHEET}.json"))
    card = make_card(
        name=task.name,
        task=task.model_dump(mode="json"),
        plan=plan,
        fingerprint=read_record(run.path("fingerprint.json")),
        metrics=dict(kept.summary),
        steps=[steps_of(first, fold) for fold in kept.folds],
        limits=[*limits(kept, sources, run, faults), *choice],
        waived=[
            {"code": fault.code, "cases": fault.num_cases, "waived": fault.waived} for fault in faults if fault.waived
        ],
        licence=answer_to(sheet, "distribution.licence"),
        wording=sources.problem.wording,
    )
    files = dict.fromkeys(voice.source.whole.path(PACKAGE) for voice, _ in members)
    packages = {file: load(file) for file in files}
    known = known_cases(first, packages[run.path(PACKAGE)], kept.folds)
    return pack(
        path,
        problem=first.plan.problem,
        task=task.model_dump(mode="json"),
        plan=plan,
        card=card,
        weights={
            model: voice.files[fold]
            for number, (voice, _) in enumerate(members)
            for model, fold in zip(models_of(number, kept.folds, alone=len(members) == 1), kept.folds, strict=True)
        },
        metrics=dict(kept.summary),
        reference=read_record(run.path("fingerprint.json")),
        extra={
            "card.md": card_markdown(card).encode(),
            f"{DATASHEET}.md": run.path(f"{DATASHEET}.md"),
            f"{DATASHEET}.json": canonical_json(sheet),
            LEARNED_FROM: canonical_json(learned_of(*packages.values()).to_json()),
            **({} if known is None else {KNOWN_CASES: known}),
            **in_range(first, packages[run.path(PACKAGE)], kept.folds, alone=len(members) == 1),
            **chosen_members(kept.chosen, kept.confidence),
            **({} if len(members) == 1 else {MEMBERS: canonical_json(members_json(members, plan, kept.folds))}),
        },
    )


def ordered(kept: Judged, built: Built) -> list[tuple[Voice, float]]:
    """The voices that are kept, with their shares; first one whose network is that of a run's package, if there is one: by its
    features new cases are held against those that are known.
    """
    total = sum(kept.candidate.packaged.values())
    members = [(built.voices[name], share / total) for name, share in kept.candidate.packaged.items()]
    return sorted(members, key=lambda one: not _is_packaged(one[0]))


def _is_packaged(voice: Voice) -> bool:
    return voice.source.is_kept and voice.variant in (SINGLE, VIEWS)


def models_of(number: int, folds: Sequence[int], *, alone: bool) -> list[str]:
    """The names of a member's models, one for each fold."""
    return [f"fold_{fold}" if alone else f"member_{number:02d}_fold_{fold}" for fold in folds]


def members_json(
    members: Sequence[tuple[Voice, float]], plan: Mapping[str, Any], folds: Sequence[int]
) -> dict[str, Any]:
    """members.json. plan: of the first, as the package has it."""
    return {
        "members": [
            {
                "plan": plan if number == 0 else voice.plan.to_json(),
                "models": models_of(number, folds, alone=False),
                "weight": share,
                "from": voice.variant,
            }
            for number, (voice, share) in enumerate(members)
        ]
    }


def steps_of(voice: Voice, fold: int) -> int:
    """The steps that a fold took; 1 of a model that takes none."""
    lines = read_log(voice.source.run.fold(fold) / "log.jsonl")
    return max((line["step"] for line in lines if "step" in line), default=1)


def known_cases(first: Voice, package: Package, folds: Sequence[int]) -> bytes | None:
    """Training cases as the first network sees them, if it is the one that its run's package has seen them with."""
    if not _is_packaged(first) or not package.has(KNOWN_CASES) or package.models[0] != f"fold_{folds[0]}":
        return None
    return package.read(KNOWN_CASES)


def in_range(first: Voice, package: Package, folds: Sequence[int], *, alone: bool) -> dict[str, bytes]:
    """What tells whether an image is of the kind that the first member was made for, as its run's package has it; {} where
    its network is not the one that the package asks, or is left out.
    """
    if not _is_packaged(first) or not package.has(IN_RANGE):
        return {}
    reference = Reference.from_bytes(package.read(IN_RANGE))
    names = dict(zip(models_of(0, folds, alone=True), models_of(0, folds, alone=alone), strict=True))
    if reference.model not in names:
        return {}
    return {IN_RANGE: replace(reference, model=names[reference.model]).to_bytes()}


def limits(kept: Judged, sources: Sources, run: Run, faults: Sequence[Fault]) -> Iterator[str]:
    """What the numbers do not say. No case is named: the package may leave the house."""
    found = Fingerprint.model_validate(read_record(run.path("fingerprint.json")))
    yield RESEARCH_USE
    if not kept.test_rows:
        yield "No test set was declared. Cross-validation says how this recipe does on data of the same origin."
    for name, part in (("", kept.part(test=False)), ("Test split", kept.part(test=True))):
        if part is not None:
            yield from limits_of_set(sources.problem, part, name=name)
    yield from limits_of_data(sources.dataset, found)
    for fault in faults:
        if fault.policy and fault.severity != "note":
            yield policy_text(fault, name_cases=False)
    yield OF_PATIENTS
