"""Plans for one answer to a whole image."""

import pytest

from scanwright.dataset.facts import ClassPrint, QuantityPrint
from scanwright.dataset.task import Channel, Task
from scanwright.errors import UsageError
from scanwright.plan.encoders import LARGEST_LAST_MAP, choose_strides
from scanwright.plan.plan import plan_from_json
from scanwright.plan.whole_images import FEW_CASES, MOST_VOXELS
from scanwright.problem.regression import Regression
from whole_image_plans import planned, prints, problem


def test_plan__small_pictures_stay_as_they_are():
    made = planned(prints())
    assert made.preprocess.long_side == 28 and made.batch.patch == (1, 28, 28)
    assert made.network.strides == ((1, 1, 1), (1, 2, 2), (1, 2, 2)) and made.network.dims == 2
    assert made.augment.mixup > 0 and made.training.smoothing > 0 and made.augment.mirror == (False, False, True)


def test_plan__of_many_cases_nothing_is_mixed_and_the_first_stage_is_halved():
    made = planned(prints(cases=FEW_CASES))
    assert made.network.strides[0] == (1, 2, 2)
    assert made.augment.mixup == made.training.smoothing == 0 and not any(made.augment.mirror)


def test_plan__large_pictures_are_made_smaller():
    made = planned(prints((1024, 900, 1), cases=3000))
    most = MOST_VOXELS["cpu", 2]
    assert made.batch.patch[1] * made.batch.patch[2] <= most and made.preprocess.long_side == round(most**0.5)


@pytest.mark.parametrize("shape", [(256, 256, 200), (512, 512, 30), (20, 20, 20)])
def test_plan__volumes_are_seen_whole(shape):
    made = planned(prints(shape, unit="mm", spacing=(1, 1, 2)))
    extent = [length * edge for length, edge in zip(shape, (1, 1, 2), strict=True)]
    d, h, w = made.batch.patch
    assert d * h * w <= 1.1 * MOST_VOXELS["cpu", 3] and made.network.dims == 3
    for length, axis, edge in zip(made.batch.patch, made.preprocess.axes, made.preprocess.spacing, strict=True):
        assert length * edge >= 0.97 * extent[axis]


def test_plan__sequences_keep_the_distance_of_their_frames():
    made = planned(prints((256, 256, 40), unit="mm", spacing=(1, 1, 2)), model="cnn-rnn")
    assert made.preprocess.spacing[0] == 2 and made.preprocess.spacing[1] > 1
    assert (made.network.dims, made.network.join, made.network.hidden) == (2, "gru", 64)
    assert all(stride[0] == 1 for stride in made.network.strides) and made.augment.mixup == 0
    attention = planned(prints((64, 64, 40), unit="mm"), model="cnn-rnn", values={"network.join": "attention"})
    assert attention.network.join == "attention"
    with pytest.raises(UsageError, match="in order"):
        planned(prints(), model="cnn-rnn")


@pytest.mark.parametrize("fine", [True, False])
@pytest.mark.parametrize("side", [8, 16, 28, 32, 64, 96, 128, 320])
def test_choose_strides__leave_a_map_with_places(side, fine):
    strides = choose_strides((1, side, side), (1, 1, 1), fine=fine)
    left = side
    for _, height, width in strides:
        assert height == width
        left /= height
    assert 2 <= left <= LARGEST_LAST_MAP and strides[0][0] == 1
    assert (strides[0] == (1, 1, 1)) is (fine and side <= 40) or side == 8


def test_plan__quantities_are_learned_in_deviations():
    quantity = QuantityPrint(name="v", known=9, mean=7.5, deviation=2.5, spread=prints().voxels)
    flat = QuantityPrint(name="w", known=9, mean=3.0, deviation=0.0, spread=prints().voxels)
    task = Task(name="t", kind="regression", quantities=("v", "w"), channels=(Channel(name="X", modality="xray"),))
    made = planned(with_quantities(quantity, flat), of=Regression(task))
    assert made.target.center == (7.5, 3.0) and made.target.scale == (2.5, 1.0)
    assert made.training.loss == "huber" and made.augment.mixup == 0 and made.augment.scale == 0


def with_quantities(*quantities):
    return prints().model_copy(update={"classes": (), "quantities": quantities})


def test_plan__classical_models_take_no_steps_and_no_budget():
    made = planned(prints(), model="svm", budget_s=60.0, cost=None)
    assert made.training.steps == 1 and made.network.families == ("svm-linear", "svm-rbf")
    assert plan_from_json(made.to_json()) == made
    graded = planned(
        prints(classes=("a", "b", "c"), choice="ordered"), of=problem(("a", "b", "c"), "ordered"), model="svm"
    )
    assert graded.network.out_channels == 2 and graded.training.loss == "corn"
    with pytest.raises(UsageError, match="does not learn this target"):  # three classes, told by two numbers
        planned(prints(classes=("a", "b", "c")), of=problem(("a", "b", "c"), "ordered"), model="svm")
    with pytest.raises(UsageError, match=r"each known of 20 training cases, found v of 19 that are learned from"):
        scarce = with_quantities(QuantityPrint(name="v", known=19, mean=7.5, deviation=2.5, spread=prints().voxels))
        task = Task(name="t", kind="regression", quantities=("v",), channels=(Channel(name="X", modality="xray"),))
        planned(scarce, of=Regression(task), model="svm")
    with pytest.raises(UsageError, match="not a value of the network"):
        planned(prints(), model="svm", values={"network.widths": [8]})


def test_plan__goes_to_json_and_back():
    made = planned(prints())
    assert plan_from_json(made.to_json()) == made and made.network.family == "resnet"


@pytest.mark.parametrize("model", ["auto", "svm", "cnn-rnn"])
def test_plan__a_rare_one_of_two_classes_is_told_from_a_threshold_on(model):
    def of(*cases, choice="one"):
        names = tuple("abc"[: len(cases)])
        parts = tuple(ClassPrint(name=name, cases=number) for name, number in zip(names, cases, strict=True))
        found = prints(shape=(28, 28, 9) if model == "cnn-rnn" else (28, 28, 1)).model_copy(
            update={"num_cases": sum(cases), "classes": parts, "choice": choice}
        )
        return planned(found, of=problem(names, choice), model=model)

    rare = of(450, 50)
    assert rare.inference.decide == "youden" and rare.inference.decide_at is None
    assert rare.why["inference.decide"].reason.startswith("b has 10 % of the cases")
    assert of(50, 450).why["inference.decide"].reason.startswith("a has 10 % of the cases")
    assert of(400, 100).inference.decide == "probable" == of(250, 250).inference.decide
    assert of(450, 25, 25).inference.decide == "probable"  # the most probable of several is told
    assert of(450, 50, choice="several").inference.decide == "probable"


def test_plan__a_threshold_that_would_decide_nothing_is_refused():
    values = {"inference.decide": "youden"}
    assert planned(prints(), values=values).inference.decide == "youden"
    three = ("a", "b", "c")
    labels = prints(classes=three, choice="several")
    assert planned(labels, of=problem(three, "several"), values=values).inference.decide == "youden"
    for choice in ("one", "ordered"):
        with pytest.raises(UsageError, match="no threshold decides here"):
            planned(prints(classes=three, choice=choice), of=problem(three, choice), values=values)
