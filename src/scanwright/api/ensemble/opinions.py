"""What voices say of cases, answered once and kept: a command that is given again, or was stopped, goes on from there.

Opinions lie in folders named by the weights and the plan that they come from, so that other weights never find them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from scanwright.api.case.opened import content_of
from scanwright.api.ensemble.sources import Sources
from scanwright.api.ensemble.voices import Voice
from scanwright.api.run.answer import trained_network
from scanwright.dataset.cases import Case
from scanwright.dataset.images import read_case_image
from scanwright.dataset.measures import images_hash
from scanwright.errors import UsageError
from scanwright.files import canonical_json, made_again, sha256_bytes, sha256_file
from scanwright.geometry.volume import Volume
from scanwright.inference.members import pooled
from scanwright.inference.predict import Engine
from scanwright.io.source import place_of
from scanwright.plan.plan import Plan
from scanwright.problem.pooling import Pooling, pooling_of
from scanwright.protocols import Listener, Progress, silent

FOLDER = "opinions"


@dataclass
class Opinions:
    """Opinions on the cases of some sources. folder: of the ensemble. keys: under which those of a voice's weights lie.

    checked: cases whose voxels are those that the runs have seen.
    """

    sources: Sources
    folder: Path
    device: torch.device
    tell: Listener
    keys: dict[tuple[str, Path], str] = field(default_factory=dict)
    checked: set[str] = field(default_factory=set)

    @cached_property
    def pooling(self) -> Pooling:
        """The kind of problem, as far as answers are pooled. Raises UsageError for a kind that cannot do that."""
        return pooling_of(self.sources.problem)

    @cached_property
    def fold_of(self) -> Mapping[str, int]:
        """The fold that each held-out case is answered by."""
        return self.sources.fold_of

    def held_out(self, voice: Voice, case: Case) -> Any:
        """What a voice said of a held-out case (`answer`), by the network that has not learned from it."""
        return self.pooling.kept_opinion(self._file(voice, case, self._weights(voice, case)))

    def of_fold(self, voice: Voice, case: Case, fold: int) -> Any:
        """What the network of a fold says of a case of the test split."""
        return self.pooling.kept_opinion(self._file(voice, case, voice.files[fold]))

    def answer(self, voices: Sequence[Voice], *, test: Mapping[str, Sequence[int]]) -> None:
        """Let voices answer what they have not yet: each held-out case by its fold, and the test split by the folds that are
        named for a voice.
        """
        jobs: list[tuple[Voice, Path, Case]] = []
        for voice in voices:
            jobs += [
                (voice, self._weights(voice, self.sources.cases[name]), self.sources.cases[name])
                for name in self.fold_of
            ]
            jobs += [
                (voice, voice.files[fold], case) for fold in test.get(voice.name, ()) for case in self.sources.test
            ]
        self._answer(jobs, tell=self.tell)

    def answer_with(self, voice: Voice, file: Path, cases: Sequence[Case]) -> Callable[[Case], Any]:
        """Let weights in the place of a voice's own answer cases; gives what reads these answers."""
        self._answer([(voice, file, case) for case in cases], tell=silent)
        return lambda case: self.pooling.kept_opinion(self._file(voice, case, file))

    def engine(self, voices: Mapping[Voice, float] | Iterable[tuple[Voice, float]], folds: Sequence[int]) -> Engine:
        """The networks of some folds of several voices, by their weights, as a package holds them."""
        pairs = voices.items() if isinstance(voices, Mapping) else voices
        return pooled(
            [
                Engine(
                    [trained_network(voice.files[fold], voice.plan, self.device) for fold in folds],
                    voice.plan,
                    voice.source.problem,
                    self.device,
                    weight=weight,
                )
                for voice, weight in pairs
            ]
        )

    def image(self, case: Case, plan: Plan) -> Volume:
        """A case's image. Raises UsageError if its voxels are not those that the runs have learned from or judged."""
        task = self.sources.dataset.task
        if case.id not in self.checked:
            known = images_hash(self.sources.facts[case.id].image_hashes)
            if content_of(case, task) != known:
                raise UsageError(
                    "an image has changed since the runs",
                    where=place_of(case.images[0]),
                    expected="the voxels that they were trained and judged on",
                    hint="Train again on the data as they are.",
                )
            self.checked.add(case.id)
        return read_case_image(case, task, outlined=plan.reads_outlines)

    def _answer(self, jobs: Sequence[tuple[Voice, Path, Case]], *, tell: Listener) -> None:
        missing = [job for job in jobs if not _is_whole(self._file(job[0], job[2], job[1]))]
        engine, at_hand = None, None
        for done, (voice, weights, case) in enumerate(missing):
            if engine is None or at_hand != (voice.name, weights):
                network = trained_network(weights, voice.plan, self.device)
                engine, at_hand = (
                    Engine([network], voice.plan, voice.source.problem, self.device),
                    (voice.name, weights),
                )
            image = self.image(case, voice.plan)
            opinion = pooling_of(voice.source.problem).opinion(engine, image, where=place_of(case.images[0]))
            with made_again():
                self.pooling.keep_opinion(self._file(voice, case, weights), opinion)
            tell(Progress("answer", done=done + 1, total=len(missing)))

    def _weights(self, voice: Voice, case: Case) -> Path:
        return voice.by_case.get(case.id, voice.files[self.fold_of[case.id]])

    def _file(self, voice: Voice, case: Case, weights: Path) -> Path:
        key = self.keys.get((voice.name, weights))
        if key is None:  # a hash of weights and a plan takes longer than reading a small opinion
            parts = [sha256_file(weights), voice.plan.digest, version("scanwright")]
            key = self.keys[voice.name, weights] = sha256_bytes(canonical_json(parts))[:24]
        return self.folder / FOLDER / key / self.pooling.opinion_file(case)


def _is_whole(file: Path) -> bool:
    """Whether an opinion is there; one that a machine left empty when it stopped is not."""
    return file.is_file() and file.stat().st_size > 0
