"""What a kind of problem has beside `kind.Kind` if ensembles are built of it: opinions that can be kept, pooled and weighed.

An opinion is what an engine says of a case before that is decided: probabilities, quantities, boxes with scores. Opinions on
one case are pooled by weight to the answer that the engines would give together.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from scanwright.dataset.cases import Case
from scanwright.errors import UsageError
from scanwright.evaluation.members.ballots import Ballots
from scanwright.geometry.volume import Volume
from scanwright.inference.predict import Engine

OpinionsOf = Callable[[Case], Sequence[Any]]
"""What each member says of a case; read when it is asked for, so that not all of them are held at once."""


@runtime_checkable
class Pooling(Protocol):
    """A kind whose answers can be pooled."""

    @property
    def name(self) -> str:
        """The kind."""
        ...

    def opinion(self, engine: Engine, image: Volume, *, where: Path | None = None) -> Any:
        """What an engine says of a case's image. Raises what `Kind.answer` raises."""
        ...

    def opinion_file(self, case: Case) -> str:
        """The name of the file, within a folder, in which an opinion on a case is kept."""
        ...

    def keep_opinion(self, file: Path, opinion: Any) -> None:
        """Keep an opinion."""
        ...

    def kept_opinion(self, file: Path) -> Any:
        """An opinion that was kept. Raises InputError if the file is none."""
        ...

    def pool(self, opinions: Sequence[Any], weights: Sequence[float]) -> Any:
        """The answer of several opinions on one case together; weights above 0, of any sum."""
        ...

    def headline(self, rows: Sequence[Any]) -> float | None:
        """The headline's metric of judged rows, without interval; None where it is not defined."""
        ...

    def ballots(self, cases: Sequence[Case], opinions_of: OpinionsOf) -> Ballots:
        """Opinions on labelled cases, held against what is true."""
        ...


class AnswersAsOpinions:
    """Mixed into kinds of which an answer holds all that is pooled: it is made, kept and read as ever."""

    def opinion(self: Any, engine: Engine, image: Volume, *, where: Path | None = None) -> Any:
        """The answer itself."""
        return self.answer(engine, image, where=where)

    def opinion_file(self: Any, case: Case) -> str:
        """As an answer's."""
        return str(self.file_name(case))

    def keep_opinion(self: Any, file: Path, opinion: Any) -> None:
        """As an answer is kept."""
        self.write(file, opinion)

    def kept_opinion(self: Any, file: Path) -> Any:
        """As an answer is read."""
        return self.read(file)


def pooling_of(problem: Any) -> Pooling:
    """The problem, if its answers can be pooled. Raises UsageError if not: a kind from outside need not have this."""
    if isinstance(problem, Pooling):
        return problem
    raise UsageError(
        "answers of this kind of problem cannot be pooled",
        expected="a kind with the methods of scanwright.problem.pooling.Pooling",
        found=getattr(problem, "name", type(problem).__name__),
    )
