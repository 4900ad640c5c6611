"""Plans of whole images, of data sets that are made up here."""

from plan_samples import LAPTOP, WORKLOAD, fingerprint, steady
from scanwright.dataset.facts import ClassPrint
from scanwright.dataset.task import Channel, Task
from scanwright.plan.make import make
from scanwright.plan.plan import Plan
from scanwright.plan.settings import Settings
from scanwright.problem.classification import Classification


def prints(shape=(28, 28, 1), *, cases=500, classes=("a", "b"), unit="px", spacing=(1, 1, 1), **extra):
    found = fingerprint(shape, spacing, unit=unit, modalities=("xray",), shares=())
    parts = tuple(ClassPrint(name=name, cases=cases // len(classes)) for name in classes)
    return found.model_copy(update={"num_cases": cases, "classes": parts, "choice": "one", **extra})


def problem(classes=("a", "b"), choice="one"):
    channels = (Channel(name="X", modality="xray"),)
    return Classification(Task(name="t", kind="classification", classes=classes, choice=choice, channels=channels))


def planned(found, *, of=None, model="auto", steps=10, values=None, budget_s=None, cost=None) -> Plan:
    settings = Settings(steps=None if budget_s else steps, budget_s=budget_s, model=model, values=values or {})
    return make(
        found, settings, problem=of or problem(), folds=[0], machine=LAPTOP, workload=WORKLOAD, cost=cost or steady(0.1)
    )
