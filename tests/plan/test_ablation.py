"""What an ablation takes away."""

from scanwright.plan.ablation import OFF, ablations
from scanwright.plan.plan import AugmentPlan
from scanwright.plan.settings import Settings, Start
from scanwright.plan.trials import MOST_CASES, models_to_try
from whole_image_plans import planned, prints, problem


def test_off__knows_every_random_change():
    assert set(OFF) == set(AugmentPlan.model_fields)


def test_ablations__of_a_network_each_change_that_it_makes():
    made = planned(prints())
    listed = ablations(made)
    changed = [name.removeprefix("augment.") for one in listed for name in one.values if name.startswith("augment.")]
    assert changed == [name for name in AugmentPlan.model_fields if getattr(made.augment, name) != OFF[name]]
    assert {"mixup", "mirror", "noise"} <= set(changed) and "blur_voxels" not in changed
    for one in listed:
        again = planned(prints(), model="cnn", values=one.values)
        assert again.inference.mirror == made.inference.mirror  # the same sides are looked at
        differs = {
            name for name in AugmentPlan.model_fields if getattr(again.augment, name) != getattr(made.augment, name)
        }
        assert len(differs) == 1 and again.network == made.network
    assert ablations(planned(prints(), values={f"augment.{name}": off for name, off in OFF.items()})) == ()


def test_ablations__one_bend_is_taken_away_once():
    made = planned(prints(), values={"augment.scale": 0.0})
    assert [one.name for one in ablations(made)][:2] == ["without-rotate-deg", "without-mirror"]


def test_ablations__of_a_classical_model_the_other_classifiers():
    assert [one.name for one in ablations(planned(prints(), model="svm", values={"network.family": "forest"}))] == [
        "svm-linear", "svm-rbf", "linear", "boosting",
    ]  # fmt: skip


def test_ablations__of_a_classical_model_every_classifier_on_every_kind_of_features():
    listed = ablations(planned(prints(), model="svm"), {"cnn": "ResNet"})
    assert [(one.name, one.reads) for one in listed[5:]] == [
        (f"{family}-on-cnn", "cnn") for family in ("svm", "svm-linear", "svm-rbf", "linear", "forest", "boosting")
    ]
    assert listed[6].title == "linear support vector machine, on features of the ResNet"


def tried(found=None, *, held_out=100, own_kind=False, **settings):
    return models_to_try(found or prints(), Settings(**settings), problem(), held_out=held_out, own_kind=own_kind)


def test_models_to_try():
    assert tried() == ("svm", "cnn")
    assert tried(prints((60, 50, 40), unit="mm")) == ("svm", "cnn", "cnn-rnn")
    assert tried(prints(cases=MOST_CASES + 1)) == ("cnn",)
    assert tried(model="svm") == ("svm",)
    assert tried(own_kind=True) == ("cnn",)
    assert tried(budget_s=20.0) == ("cnn",) and tried(budget_s=600.0) == ("svm", "cnn")
    assert tried(held_out=0) == ("cnn",)  # nothing could tell which is best
    assert tried(values={"augment.mixup": 0.0}) == ("cnn",)
    assert tried(values={"batch.size": 4}) == ("cnn",)
    assert tried(values={"preprocess.long_side": 20}) == tried(values={"batch.patch": [1, 32, 32]}) == ("svm", "cnn")
    assert tried(start=Start(digest="0")) == ("cnn",)
    assert tried(start=Start(digest="0", values={"network.join": "gru"})) == ("cnn-rnn",)
    assert tried(prints(choice="ordered")) == ("cnn",)  # two outputs for two grades: told in a way of its own
