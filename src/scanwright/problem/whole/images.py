"""What kinds of problem with one answer to a whole image share: how it is made, and how it is kept."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from torch import Tensor, nn

from scanwright.dataset.cases import Case
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.task import Task
from scanwright.errors import InputError
from scanwright.explanation.sanity import Explain
from scanwright.files import read_json, write_json
from scanwright.findings.regions import Regions
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.inference.members import every_network
from scanwright.inference.predict import Engine
from scanwright.inference.whole import answer_whole
from scanwright.plan.plan import Plan
from scanwright.problem.kind import Explanation
from scanwright.problem.one_answer import OneAnswer
from scanwright.problem.told import pictured
from scanwright.problem.unassured import Unassured
from scanwright.problem.whole.explained import Seen, explanation_of, map_of, method_for, methods_of, score_of
from scanwright.protocols import Listener
from scanwright.report.study_content import KeyImage, StudyPart
from scanwright.types import JSON, Array, Floats

SUFFIX = ".json"
OPINIONS = "opinions"
"""Under which name the file of an answer holds what it is the mean of: networks, views, parts."""
MOST_EXPLAINED = 4


class WholeImages(OneAnswer, Unassured):
    """Mixed into a problem of one task whose answer is a number for each of its `parts`: (K,) float32."""

    task: Task
    name: str
    holds = "answer"
    beside: tuple[str, ...] = ()
    takes_regions = False

    def learns(self, case: Case) -> bool:
        """Every labelled case."""
        return True

    @property
    def parts(self) -> tuple[str, ...]:
        """The classes or quantities, in the order of the answer."""
        return self.task.classes or self.task.quantities

    def planned(self, plan: Plan) -> Self:
        """This problem, if nothing of it hangs on the plan."""
        return self

    def answer(
        self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None
    ) -> Floats:
        """A number for each part. Raises InputError for an image that cannot be prepared."""
        return answer_whole(engine, image, where=where).mean

    def answer_surely(
        self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None
    ) -> tuple[Floats, Floats | None]:
        """The answer, and the opinions that it is the mean of, (M, V, K); None where there is one alone, or where a
        kind makes its answer in a way of its own.
        """
        if type(self).answer is not WholeImages.answer:
            return self.answer(engine, image, where=where, tell=tell), None
        found = answer_whole(engine, image, where=where)
        return found.mean, found.each if found.each.shape[0] * found.each.shape[1] > 1 else None

    def answer_to_judge(
        self, engine: Engine, image: Volume, *, where: Path | None = None
    ) -> tuple[Floats, Floats | None]:
        """The answer, and the opinions that it is the mean of."""
        return self.answer_surely(engine, image, where=where)

    def among(self, answer: Floats, regions: Regions) -> Floats:
        """The answer as it is: it has no place."""
        return answer

    def drawn(self, image: Volume, answer: Floats) -> None:
        """None: an answer to the whole image has no place."""

    def measured(self, image: Volume, answer: Floats, *, sure: Array | None) -> None:
        """None: an answer to the whole image has no outlines."""

    def study(self, image: Volume, answer: Floats, *, sure: Array | None) -> StudyPart:
        """What is told, as text, and the image."""
        return StudyPart(
            answers=self.told(answer),
            certain=self.certain(answer, sure).said,
            images=(KeyImage(png=pictured(image, self.task)),),
            unit_of_length=image.grid.unit,
        )

    def told(self, answer: Floats) -> dict[str, str]:
        """Each part with its number, as text; kinds say it in their own way."""
        return {name: f"{value:.4g}" for name, value in zip(self.parts, answer, strict=True)}

    def explained(self, answer: Floats) -> tuple[int, ...]:
        """Which of the parts are explained: the first few."""
        return tuple(range(len(self.parts)))[:MOST_EXPLAINED]

    def explain(
        self, engine: Engine, image: Volume, answer: Floats, *, method: str | None = None, narrow: bool = False
    ) -> Explanation | None:
        """Where in the image lies what the answer rests on, for each part of it that is explained; None where it rests on
        numbers of what is outlined.

        Raises UsageError for a method that the models cannot give.
        """
        if not methods_of(every_network(engine)):
            return None
        places, how = self.explained(answer), method_for(engine, method)
        names = tuple(self.parts[place] for place in places)
        shown = [(name, score_of(self.task, place)) for name, place in zip(names, places, strict=True)]
        return explanation_of(engine, image, shown, self.task, method=how, narrow=narrow)

    def methods(self, networks: Sequence[nn.Module]) -> tuple[str, ...]:
        """Of networks all, of other models that see the image occlusion."""
        return methods_of(networks)

    def reproduced(self, engine: Engine, image: Volume, answer: Floats) -> tuple[Tensor, Explain] | None:
        """For the first part that is explained; None where the answers are not of networks."""
        if len(methods_of(engine.networks)) <= 1:
            return None
        score, how = score_of(self.task, self.explained(answer)[0]), method_for(engine, None)
        return Seen.by(engine, image).tensor, lambda network, shown: map_of([network], shown, score, how)

    def operating(self, rows: Sequence[Any], test: Sequence[Any]) -> tuple[dict[str, JSON], dict[str, JSON]]:
        """None: no threshold decides."""
        return {}, {}

    def operating_at(self, rows: Sequence[Any], metrics: Mapping[str, JSON]) -> dict[str, JSON]:
        """None."""
        return {}

    def how_decided(self, rows: Sequence[Any]) -> str:
        """Nothing: no choice decides."""
        return ""

    def caveats(self, rows: Sequence[Any]) -> tuple[str, ...]:
        """None."""
        return ()

    def file_name(self, case: Case) -> str:
        """The file, within a folder, in which a case's answer is kept."""
        return f"{case.id}{SUFFIX}"

    def write(self, file: Path, answer: Floats) -> None:
        """Keep an answer, by the names of the parts."""
        numbers = {name: float(value) for name, value in zip(self.parts, answer, strict=True)}
        write_json(file, {"problem": self.name, "answer": numbers})

    def keep(self, file: Path, sure: Array | None) -> None:
        """The opinions, beside the answer."""
        if sure is not None:
            rounded = [[[float(f"{value:.7g}") for value in view] for view in one] for one in sure.tolist()]
            write_json(file, {**read_json(file), OPINIONS: rounded})

    def opinions(self, file: Path) -> Floats | None:
        """(M, V, K) float32; None of a file without. Raises InputError for what are none."""
        found = read_json(file)
        told = found.get(OPINIONS) if isinstance(found, dict) else None
        if told is None:
            return None
        try:
            opinions = np.array(told, dtype=np.float32)
        except (TypeError, ValueError):
            opinions = np.empty(0, dtype=np.float32)
        if opinions.ndim != 3 or opinions.shape[2] != len(self.parts) or not np.isfinite(opinions).all():
            raise InputError(
                "not the opinions of an answer to this problem",
                where=file,
                expected=f"{OPINIONS}: networks, views, and a number each for {', '.join(self.parts)}",
            )
        return opinions

    def read(self, file: Path) -> Floats:
        """An answer that was kept. Raises InputError for a file that is none of this problem."""
        return self.numbers_in(file, "answer").astype(np.float32)

    def numbers_in(self, file: Path, key: str) -> Floats:
        """(K,) what stands under a key of an answer that was kept. Raises InputError if it is not a number for each part."""
        found = read_json(file)
        numbers = found.get(key) if isinstance(found, dict) else None
        if (
            not isinstance(numbers, dict)
            or set(numbers) != set(self.parts)
            or not all(isinstance(number, (int, float)) for number in numbers.values())
        ):
            raise InputError(
                "not an answer to this problem",
                where=file,
                expected=f"{key}: a number each for {', '.join(self.parts)}",
                found=", ".join(map(str, numbers))[:120] if isinstance(numbers, dict) else None,
            )
        return np.array([numbers[name] for name in self.parts], dtype=np.float64)

    def yardstick(self, facts: Iterable[CaseFacts]) -> None:
        """None: answers are measured by nothing that hangs on the images."""

    def sketch(self, image: Tensor, target: Tensor, answer: Array, *, grid: Grid) -> None:
        """None: an answer is a number or a few, and the curves show how good they are."""
