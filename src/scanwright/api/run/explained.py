"""What the answers rest on, in the report: how models see their training cases, and the cases that are shown, explained."""

import time
from dataclasses import dataclass, field, replace

import torch

from scanwright.api.case.likeness import Likeness, likeness_of
from scanwright.api.run.answer import own_answer, prediction_file, trained_network
from scanwright.api.run.folder import WEIGHTS
from scanwright.api.run.goes_by import what_it_goes_by
from scanwright.api.run.known_cases import Sight, embedding, sight_of
from scanwright.api.run.study import DRAWS, MOST_CHECKED
from scanwright.api.run.trials import Tried
from scanwright.dataset.images import read_case_image
from scanwright.explanation.sanity import LIMIT, Sanity, randomisation_check, taken_together
from scanwright.inference.predict import Engine
from scanwright.problem.kind import Explanation
from scanwright.protocols import Listener
from scanwright.report.results_content import CasePicture, Fact, Figure

NO_TIME = "the budget was used; the same command once more draws it"


@dataclass(slots=True)
class Explained:
    """A run's models looked through. budget_s: seconds of the whole command, after which nothing more is explained. sights: by
    fold, those that were asked for. checks: whether the explanations of cases depend on what was learned, of the first few
    that were pictured. took_s: the last picture.
    """

    kept: Tried
    device: torch.device
    tell: Listener
    budget_s: float | None = None
    sights: dict[int, Sight | None] = field(default_factory=dict)
    checks: list[Sanity] = field(default_factory=list)
    took_s: float = 0.0

    def sight(self, fold: int) -> Sight | None:
        """How a fold's model sees its training cases; None where answers are not of whole images."""
        if fold not in self.sights:
            kept = self.kept
            self.sights[fold] = sight_of(kept.run, kept.study, kept.keys, fold=fold, device=self.device, tell=self.tell)
        return self.sights[fold]

    @property
    def first(self) -> Sight | None:
        """That of the first trained fold, which the package carries."""
        return self.sight(self.kept.study.plan.training.folds[0])

    def figures(self) -> tuple[Figure, ...]:
        """How the first model sees its training cases, and which features classical models go by."""
        if self.first is None:
            return ()
        goes_by = what_it_goes_by(self.kept.run, self.kept.study, self.kept.keys)
        return (embedding(self.first, self.kept.study), *(() if goes_by is None else (goes_by,)))

    def picture(self, shown: CasePicture) -> CasePicture:
        """A case that is shown, with what its answer rests on and the training cases nearest to it."""
        study, run = self.kept.study, self.kept.run
        if not study.problem.sees_whole:
            return shown
        case = study.case(shown.case)
        fold = next((row.fold for row in self.kept.scores.rows if row.case == shown.case), None)
        judge = study.plan.training.folds[0] if fold is None else fold
        network = trained_network(run.fold(judge) / WEIGHTS, study.plan, self.device)
        engine = Engine([network], study.plan, study.problem, self.device)
        image = read_case_image(case, study.dataset.task, outlined=study.plan.reads_outlines)
        answer = own_answer(prediction_file(run, study.problem, case, test=fold is None), study.problem)
        sight, facts = self.sight(judge), shown.facts
        if sight is not None:
            text = nearest_text(sight, likeness_of(sight.known, engine, image))
            facts = (*facts, Fact(name="Nearest training cases", value=text))
        problem = study.problem.settled(self.kept.scores.chosen)
        if not self.has_time:
            return replace(shown, facts=(*facts, Fact(name="Not drawn", value=NO_TIME)))
        began = time.monotonic()
        explanation = problem.explain(engine, image, answer, narrow=True)
        if explanation is None:
            return replace(shown, facts=facts)
        if len(self.checks) < MOST_CHECKED and (made := problem.reproduced(engine, image, answer)):
            seen, explain = made
            seed = study.plan.training.seed
            self.checks.append(randomisation_check(network, explain, [seen], seed=seed, stages=1, draws=DRAWS))
            run.beat()
        self.took_s = time.monotonic() - began
        return with_explanation(replace(shown, facts=facts), explanation)

    @property
    def has_time(self) -> bool:
        """Whether another picture fits in the budget, if it takes as long as the last one.

        One that earlier sessions have used up is no bound: whoever runs the command again wants the report whole.
        """
        clock = self.kept.run.clock
        if self.budget_s is None or clock.before_s >= self.budget_s:
            return True
        return clock.elapsed_s + self.took_s <= self.budget_s

    @property
    def sanity(self) -> Sanity:
        """Whether the explanations of the cases that were checked depend on what was learned, taken together."""
        return taken_together(self.checks)

    @property
    def num_checked(self) -> int:
        """Of how many cases the explanations were checked."""
        return len(self.checks)


def with_explanation(shown: CasePicture, explanation: Explanation) -> CasePicture:
    """A case that is shown, with what its answer rests on."""
    facts = shown.facts
    if explanation.parts:
        facts = (*facts, Fact(name="Colours", value=explanation.means))
    facts = (*facts, *(Fact(name="Not drawn", value=str(doubt)) for doubt in explanation.doubts))
    return replace(shown, explained=explanation.png, facts=facts)


def sanity_text(found: Sanity, *, cases: int) -> str:
    """What came of drawing explanations again without anything learned, in a sentence or two; "" where nothing did."""
    if found.passed is None:
        return ""
    of = f"of {cases} cases" if cases > 1 else "of one case"
    again = f"The maps {of} were made again with all weights of the network drawn at random"
    correlation = found.stages[-1].correlation
    if correlation is None:
        return f"{again}: nothing of them is left, so they depend on what was learned."
    said = f"the rank correlation of both is {correlation:.2f}"
    if found.passed:
        return f"{again}: they change ({said}; up to {LIMIT} is taken for change), so they depend on what was learned."
    return (
        f"{again}: they hardly change ({said}; up to {LIMIT} is taken for change). They show the image rather than what was "
        "learned, and are not to be trusted."
    )


def nearest_text(sight: Sight, likeness: Likeness) -> str:
    """The nearest training cases by name, with what is known of each."""
    named = zip(likeness.places, likeness.nearest, strict=True)
    return ", ".join(f"{sight.names[place]} ({target}, {distance:.3f})" for place, (target, distance) in named)
