"""What a kind of problem has to supply to be trained, judged, reported and served. A fifth kind is one class that has all this.

The first half is `protocols.Problem`, which training and inference speak to; the second half is for those above: how an
answer is made, kept, judged and told.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from scanwright.dataset.cases import Case
from scanwright.dataset.facts import CaseFacts
from scanwright.dataset.task import Task
from scanwright.doubt import Doubt
from scanwright.evaluation.comparing.contrast import Measurable
from scanwright.explanation.sanity import Explain
from scanwright.findings.regions import Regions
from scanwright.findings.table import StudyTable
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.inference.predict import Engine
from scanwright.plan.plan import Plan
from scanwright.problem.certain import Certain
from scanwright.protocols import Listener, Problem
from scanwright.report.results_content import CasePicture, Difference, ResultSet, Wording
from scanwright.report.study_content import StudyPart
from scanwright.types import JSON, Array, Floats, Unit

LABELS = "labels"
"""What a file with an answer is called where it is a label map."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A PNG of where in an image lies what an answer rests on. parts: what it tells of, from above.

    means: what its colours mean, in words. method: what it was made by, where there is a choice.

    unchanged: parts of the answer that nothing in the image changed, of which nothing is drawn; png: None where all are.
    """

    png: bytes | None
    parts: tuple[str, ...]
    means: str
    method: str = ""
    unchanged: tuple[str, ...] = ()

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """That parts of the answer rest on nothing in the image."""
        if not self.unchanged:
            return ()
        names = ", ".join(self.unchanged)
        return (Doubt("nothing-changed", "nothing in the image changed the answer for {names}", names=names),)


class Kind(Problem, Protocol):
    """A problem bound to a task, with all that is done with its answers. An answer is a Volume of labels, or numbers."""

    task: Task
    holds: str
    """What a file with an answer is called: LABELS, "boxes", or "answer"."""

    beside: tuple[str, ...]
    """What the names of further files end in that are kept beside an answer, after the case's name."""

    takes_regions: bool
    """Whether what is found is told by regions of the image that another model found (`among`)."""

    def learns(self, case: Case) -> bool:
        """Whether a labelled case may be learned from; others are only judged."""
        ...

    def planned(self, plan: Plan) -> "Kind":
        """The problem with what the plan says about its targets."""
        ...

    def answer(self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None) -> Any:
        """The networks' answer to a case's image. where: named in errors. Raises ResourceError where memory is too small."""
        ...

    def answer_surely(
        self, engine: Engine, image: Volume, *, where: Path | None = None, tell: Listener | None = None
    ) -> tuple[Any, Array | None]:
        """The answer, and how sure each voxel's finding is, (I, J, K) uint8 of 255ths; of an answer to a whole image the
        opinions that it is made of, (M, V, K) float32 (`evaluation.certainty.opinions`). None where nothing is told of it.
        """
        ...

    def answer_to_judge(self, engine: Engine, image: Volume, *, where: Path | None = None) -> tuple[Any, Array | None]:
        """The answer as the networks give it, with what choices out of fold rest on: within it, or beside it for `keep`."""
        ...

    def of_slices(self, answers: Iterable[Any], grid: Grid, *, axis: int, where: Path | None = None) -> Any:
        """The answers to the slices of a volume, in their order along an axis of its grid, as one answer to the volume.

        Raises InputError, before any slice is answered, where such answers are none to the volume. where: named in errors.
        """
        ...

    def among(self, answer: Any, regions: Regions) -> Any:
        """The answer with the regions that its findings lie among; itself where `takes_regions` is not so."""
        ...

    def drawn(self, image: Volume, answer: Any) -> bytes | None:
        """A PNG of the image with what was found in it; None where the answer can be looked at by itself, or has no place."""
        ...

    def measured(self, image: Volume, answer: Any, *, sure: Array | None) -> StudyTable | None:
        """Regions and findings with outlines, measured on the image; None for an answer that has none."""
        ...

    def study(self, image: Volume, answer: Any, *, sure: Array | None) -> StudyPart:
        """What an answer says, measured on the image, for the report of a study."""
        ...

    def explain(
        self, engine: Engine, image: Volume, answer: Any, *, method: str | None = None, narrow: bool = False
    ) -> Explanation | None:
        """Where in the image lies what an answer rests on; None where the answer itself shows that, or nothing can.

        method: one of `methods`; None: the one that suits. narrow: for a column of a page.
        """
        ...

    def methods(self, networks: Sequence[nn.Module]) -> tuple[str, ...]:
        """What answers of such models can be explained by; () where there is nothing to choose."""
        ...

    def reproduced(self, engine: Engine, image: Volume, answer: Any) -> tuple[Tensor, Explain] | None:
        """What an explanation is made of, so that it can be made again of other weights: the image as the networks see it, and
        the map of a network. None where none of networks is made.
        """
        ...

    def file_name(self, case: Case) -> str:
        """The name of the file, within a folder, in which a case's answer is kept."""
        ...

    def write(self, file: Path, answer: Any) -> None:
        """Keep an answer."""
        ...

    def read(self, file: Path) -> Any:
        """An answer that was kept. Raises InputError if the file is none."""
        ...

    def found(self, answer: Any) -> dict[str, JSON]:
        """What is in an answer, as plain data under names of the kind's own."""
        ...

    def doubts(self, answer: Any) -> tuple[str, ...]:
        """Why an answer is to be doubted by what it says itself, a sentence each: a `Doubt`, to be told in other languages."""
        ...

    def line(self, found: Mapping[str, JSON]) -> str:
        """The same in a line for people."""
        ...

    def yardstick(self, facts: Iterable[CaseFacts]) -> float | None:
        """A number by which all cases are measured alike, if the kind has one."""
        ...

    def row(self, case: Case, answer: Any, *, fold: int | None, yardstick: float | None) -> Any:
        """An answer held against what is known of the case."""
        ...

    def judged(self, case: Case, file: Path, *, yardstick: float | None) -> Any:
        """What a file tells, with the decisions that are written in it, held against what is known of the case.

        Raises InputError if the file is no answer, or one that cannot be judged.
        """
        ...

    def summary(
        self, rows: Sequence[Any], test: Sequence[Any], *, seed: int, yardstick: float | None
    ) -> dict[str, JSON]:
        """metrics.json: of the cross-validation, and of the test split beside it, which alone stands for the whole."""
        ...

    def settle(
        self, rows: Sequence[Any], test: Sequence[Any], plan: Plan
    ) -> tuple[list[Any], list[Any], dict[str, JSON] | None]:
        """What is chosen on out-of-fold answers (a calibration, a threshold), applied: to `rows` each fold by what the others
        say, to the test rows as a whole; and the choice as plain data for the package, None where nothing is chosen.
        """
        ...

    def operating(self, rows: Sequence[Any], test: Sequence[Any]) -> tuple[dict[str, JSON], dict[str, JSON]]:
        """What thresholds are worth by the rule that chooses them, of rows as answered and of a test split, for metrics.json;
        {} where no threshold decides.
        """
        ...

    def operating_at(self, rows: Sequence[Any], metrics: Mapping[str, JSON]) -> dict[str, JSON]:
        """What the thresholds that were chosen when a package was made are worth on other cases, as `operating` gives them.
        metrics: the package's; rows: as it told them.
        """
        ...

    def how_decided(self, rows: Sequence[Any]) -> str:
        """How these cases were decided, in a sentence or two; "" where nothing is chosen that decides."""
        ...

    def caveats(self, rows: Sequence[Any]) -> tuple[str, ...]:
        """What must be said of the models that answered. rows: as they answered, before anything was settled."""
        ...

    def compare(self, rows: Mapping[str, Sequence[Any]], best: str, *, seed: int) -> Mapping[str, Sequence[Difference]]:
        """Each other model's rows against the best one's, of the same cases: other less best, paired by patient."""
        ...

    truths: tuple[str, ...]
    """The attributes of a row that hold the truth; () where a row holds none, as of a label map."""

    def measurable(self, rows: Mapping[str, Sequence[Any]]) -> Measurable:
        """By what models, or one model's sub-groups, are compared. rows: of each model by name, the same cases in one order."""
        ...

    def kept(self, row: Any) -> dict[str, JSON]:
        """A row as plain data, whole: `row_of` gives it back."""
        ...

    def row_of(self, data: Mapping[str, Any]) -> Any:
        """A row of plain data. Raises KeyError, TypeError or ValueError for what is none (`kept_rows.read_rows` names it)."""
        ...

    def settled(self, chosen: Mapping[str, JSON] | None) -> "Kind":
        """The problem with what `settle` chose."""
        ...

    def keep(self, file: Path, sure: Array | None) -> None:
        """Keep in the file of an answer, as `write` left it, what `answer_surely` told beside it; nothing where nothing
        is told.
        """
        ...

    def opinions(self, file: Path) -> Floats | None:
        """What `keep` kept: opinions (M, V, K) that an answer to a whole image is made of; None where there are none."""
        ...

    def certainty(
        self, rows: Sequence[Any], raw: Sequence[Any], plan: Plan, opinions: Mapping[str, Floats]
    ) -> tuple[dict[str, JSON], dict[str, JSON] | None]:
        """How sure answers are (certain.py), of out-of-fold rows as `settle` gave them: for metrics.json, each fold
        judged by what the others say, and as plain data for the package; {} and None where nothing can be told.

        raw: the rows before `settle`. opinions: of cases, by name, as far as known.
        """
        ...

    def assured(self, confidence: Mapping[str, JSON] | None) -> "Kind":
        """The problem with what `certainty` fitted."""
        ...

    def certainty_on(
        self,
        rows: Sequence[Any],
        raw: Sequence[Any] | None,
        opinions: Mapping[str, Floats],
        *,
        told: Mapping[str, Mapping[str, JSON]] | None = None,
    ) -> dict[str, JSON]:
        """The same of cases that had no part in it, by what was fitted. raw: None where it is not known. told: what was told
        of each case, by its name, where it was told before the truth was known.
        """
        ...

    def certain(self, answer: Any, sure: Array | None) -> Certain:
        """How sure an answer is, for people and as plain data; sure: as of `answer_surely`."""
        ...

    def table(self, rows: Sequence[Any]) -> str:
        """cases.csv."""
        ...

    @property
    def wording(self) -> Wording:
        """What the kind is called, and what its parts are."""
        ...

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its regions, classes or quantities, in the order that gives colours."""
        ...

    def case_score(self, row: Any) -> float | None:
        """The headline's metric of one case, None where it is not defined of one, or only of all together."""
        ...

    def headline_drawn(self, rows: Sequence[Any], counts: Floats) -> Floats:
        """The headline (D,) in draws of the patients, NaN where it is not defined; counts (D, P): how often each is drawn, in
        the order in which their first rows stand. A draw of each once gives the headline of `summary`.
        """
        ...

    def results(
        self,
        name: str,
        summary: Mapping[str, JSON],
        rows: Sequence[Any],
        *,
        facts: Mapping[str, CaseFacts],
        unit: Unit,
        note: str,
    ) -> tuple[ResultSet, ...]:
        """One set of cases as the page shows it, in one table or several. summary: its part of metrics.json."""
        ...

    def pictures(
        self, rows: Sequence[Any], *, case_of: Callable[[str], Case], answer_of: Callable[[str], Any]
    ) -> tuple[CasePicture, ...]:
        """The best, the median and the worst cases, drawn."""
        ...

    def shortfalls(self, summary: Mapping[str, JSON]) -> str:
        """What failed altogether, in a sentence or two, for the limits; "" if nothing did."""
        ...

    def sketch(self, image: Tensor, target: Tensor, answer: Array, *, grid: Grid) -> bytes | None:
        """A PNG of how a validation patch is answered while training, None where there is nothing to be seen."""
        ...
