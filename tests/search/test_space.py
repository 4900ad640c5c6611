"""The space: the default plan is a point of it, every value makes a plan, and what is set by hand is left alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from plan_samples import LAPTOP, WORKLOAD, fingerprint, kept_fingerprint, spread, steady, task_of
from scanwright.dataset.facts import BoxPrint, Fingerprint
from scanwright.dataset.task import Channel, Task
from scanwright.plan.make import make
from scanwright.plan.plan import Plan
from scanwright.plan.ruleset import rules_for
from scanwright.plan.settings import Settings
from scanwright.problem.anomaly import Anomaly
from scanwright.problem.classification import Classification
from scanwright.problem.detection import Detection
from scanwright.problem.kind import Kind
from scanwright.problem.segmentation import Segmentation
from scanwright.search.changes import augment_strength, pins, scaled
from scanwright.search.parameter import Condition, Parameter, text_of
from scanwright.search.point import planned_point, values_at
from scanwright.search.space import space_of
from whole_image_plans import prints

VOLUMES = fingerprint((120, 120, 120), shares=(0.05, 0.001))
SMALL_VOLUMES = fingerprint((36, 48, 36))


class Ground:
    """A data set that plans can be made for."""

    def __init__(self, found: Fingerprint, problem: Kind, *, model: str = "auto", steps: int | None = 100) -> None:
        self.found, self.problem = found, problem
        self.settings = Settings(steps=steps, model=model)  # type: ignore[arg-type]
        self.base = self.make({})

    def make(self, values: Mapping[str, Any]) -> Plan:
        settings = self.settings.model_copy(update={"values": dict(values)})
        return make(
            self.found, settings, problem=self.problem, folds=[0], machine=LAPTOP, workload=WORKLOAD, cost=steady(0.1)
        )

    def space(self, **options: Any) -> tuple[Parameter, ...]:
        rules = rules_for(self.problem, self.settings.model)
        return space_of(self.base, fingerprint=self.found, problem=self.problem, rules=rules, **options)

    def values(self, point: Mapping[str, Any], *, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return values_at(point, self.space(), self.base, fixed=fixed or {}, make=self.make)


def classes(counts: tuple[int, ...] = (250, 250)) -> Ground:
    names = ("a", "b", "c")[: len(counts)]
    found = prints(classes=names, cases=sum(counts))
    parts = tuple(one.model_copy(update={"cases": n}) for one, n in zip(found.classes, counts, strict=True))
    task = Task(
        name="t", kind="classification", classes=names, choice="one", channels=(Channel(name="X", modality="xray"),)
    )
    return Ground(found.model_copy(update={"classes": parts}), Classification(task), model="cnn")


def boxes() -> Ground:
    found = fingerprint((200, 200, 1), unit="px", modalities=("rgb",), shares=())
    print_ = BoxPrint(name="cell", cases=50, boxes=200, each=spread(4), size=fingerprint((30, 30, 1)).shape)
    task = Task(name="t", kind="detection", classes=("cell",), channels=(Channel(name="X", modality="rgb"),))
    return Ground(found.model_copy(update={"boxes": (print_,)}), Detection(task))


def normals() -> Ground:
    task = Task(name="t", kind="anomaly", classes=("normal", "abnormal"), channels=(Channel(name="X", modality="us"),))
    return Ground(prints(classes=("normal", "abnormal")), Anomaly(task), steps=None)


GROUNDS = {
    "label maps of volumes": lambda: Ground(VOLUMES, Segmentation(task_of(VOLUMES))),
    "label maps, whole image in a patch": lambda: Ground(SMALL_VOLUMES, Segmentation(task_of(SMALL_VOLUMES))),
    "label maps of real volumes": lambda: Ground(
        kept_fingerprint("hippocampus_mri"), Segmentation(task_of(kept_fingerprint("hippocampus_mri")))
    ),
    "classes": classes,
    "classes by features": lambda: Ground(classes().found, classes().problem, model="svm", steps=None),
    "boxes": boxes,
    "what is normal": normals,
}


@pytest.fixture(scope="module", params=GROUNDS, ids=list(GROUNDS))
def ground(request: pytest.FixtureRequest) -> Ground:
    return GROUNDS[request.param]()


def test_space__the_default_plan_is_a_point_of_it(ground: Ground) -> None:
    space = ground.space()
    assert len(space) >= 2 and len({one.name for one in space}) == len(space)
    for one in space:
        inside = one.planned in one.choices if one.choices else one.low <= one.planned <= one.high  # type: ignore[operator]
        assert inside, one.name
        assert one.why and one.stated and one.title
    point = planned_point(space)
    values = ground.values(point)
    assert values == pins(ground.base, reshaped=False)
    assert ground.make(values).digest == ground.base.digest


def test_space__every_value_makes_another_plan(ground: Ground) -> None:
    """Each choice and each end of a range by itself, then all of the least and all of the largest together."""
    space = ground.space()
    point = planned_point(space)
    for one in space:
        for value in one.choices or (one.low, one.high):
            if value == one.planned:
                continue
            moved = {**point, one.name: value}
            plan = ground.make(ground.values(moved))
            assert plan.digest != ground.base.digest, (one.name, value)
    for place in (0, -1):
        corner: dict[str, Any] = {}
        for one in space:
            if one.asked(corner):
                corner[one.name] = one.choices[place] if one.choices else (one.low, one.high)[place]
        plan = ground.make(ground.values(corner))
        again = ground.make({**pins(plan, reshaped=False), **ground.values(corner)})
        assert again.digest == plan.digest, "what tuned.json holds makes the plan of the trial"


def test_space__what_is_set_by_hand_is_not_tuned() -> None:
    one = classes()
    names = {parameter.name for parameter in one.space()}
    assert {"training.learning_rate", "batch.size", "network.size", "image.size", "augment.strength"} <= names
    held = {
        parameter.name for parameter in one.space(fixed={"network.widths": [8], "augment.noise": 0.0, "batch.size": 4})
    }
    assert names - held == {"network.size", "image.size", "augment.strength", "batch.size"}, "nor what hangs on it"


def test_space__a_condition() -> None:
    one = classes((450, 50))
    space = {parameter.name: parameter for parameter in one.space()}
    smoothing = space["training.smoothing"]
    assert smoothing.when == Condition(name="training.loss", among=("ce",))
    assert smoothing.asked({"training.loss": "ce"}) and not smoothing.asked({"training.loss": "focal"})
    assert list(space).index("training.loss") < list(space).index("training.smoothing")
    assert "training.smoothing" in planned_point(one.space())
    held = {parameter.name: parameter for parameter in one.space(fixed={"training.loss": "ce"})}
    assert "training.smoothing" in held and "training.loss" not in held, "the loss that is held asks for it always"
    assert held["training.smoothing"].when is None or held["training.smoothing"].asked({"training.loss": "ce"})


def test_space__weights_of_rare_classes() -> None:
    even, uneven = classes(), classes((450, 50))
    assert "loss.rarity" not in {one.name for one in even.space()}
    point = planned_point(uneven.space())
    assert point["loss.rarity"] == 0.0
    assert uneven.values({**point, "loss.rarity": 1.0})["training.class_weights"] == [1.0, 9.0]
    assert uneven.values({**point, "loss.rarity": 0.5})["training.class_weights"] == [1.0, 3.0]
    regions = Ground(VOLUMES, Segmentation(task_of(VOLUMES)))  # planned with the square root of how rare they are
    assert regions.base.training.class_weights and planned_point(regions.space())["loss.rarity"] == 0.5
    assert regions.values({"loss.rarity": 0.0})["training.class_weights"] == []


def test_space__what_does_not_fit_is_left_out_and_said() -> None:
    one = classes()
    few = {
        p.name: p for p in one.space(fits=lambda parameter, value: not (parameter.name == "network.size" and value > 1))
    }
    assert few["network.size"].choices == (0.5, 0.75, 1.0)
    assert "left out" in few["network.size"].why
    none = {p.name for p in one.space(fits=lambda parameter, value: parameter.name != "network.size")}
    assert "network.size" not in none, "with one choice there is nothing to tune"


def test_network_size__no_narrower_than_it_may_be() -> None:
    wide, narrow = classes(), classes()
    assert wide.base.network.widths[0] == 32 and {p.name: p.choices for p in wide.space()}["network.size"][0] == 0.5  # type: ignore[union-attr]
    narrow.base = narrow.make({"network.widths": [16, 32, 64]})
    assert {p.name: p.choices for p in narrow.space()}["network.size"] == (1.0, 1.5)


def test_patch__grows_only_where_it_does_not_hold_the_whole_image() -> None:
    large, small = (Ground(one, Segmentation(task_of(one))) for one in (VOLUMES, SMALL_VOLUMES))
    assert {p.name: p.choices for p in large.space()}["patch.size"] == (0.75, 1.0, 1.25)
    assert {p.name: p.choices for p in small.space()}.get("patch.size", (0.75, 1.0)) == (0.75, 1.0)


def test_image_size__widths_stay_those_of_the_default_plan() -> None:
    one = classes()
    point = planned_point(one.space())
    finer = one.make(one.values({**point, "image.size": 1.5}))
    assert finer.preprocess.long_side == 42 and finer.batch.patch == (1, 42, 42)
    assert finer.network.widths[0] == one.base.network.widths[0]  # type: ignore[union-attr]


def test_changes__strength() -> None:
    plan = classes().base
    off, twice = augment_strength(0.0, plan), augment_strength(2.0, plan)
    assert set(off) == set(twice) and all(not any(v if isinstance(v, list) else [v]) for v in off.values())
    assert twice["augment.gamma"] == pytest.approx(2 * plan.augment.gamma) and twice["augment.warp_share"] == 0.6
    assert "augment.mirror" not in twice and "augment.mixup" not in twice
    assert augment_strength(9.0, plan)["augment.scale"] == 1.0 and augment_strength(99.0, plan)["augment.shift"] == 0.4


def test_words() -> None:
    range_ = Parameter(
        name="a", title="a", planned=1.0, why="w", change=lambda value, plan: {}, low=0.1, high=4.0, log=True
    )
    assert range_.stated == "0.1 to 4, by factors"
    assert (
        Parameter(name="a", title="a", planned=1, why="w", change=range_.change, choices=(1, 2, 4)).stated
        == "1, 2 or 4"
    )
    assert text_of("dice_ce") == "dice_ce" and scaled(24, 1.0) == 24
