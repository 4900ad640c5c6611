"""How sure a regression is: intervals fitted out of fold, kept, told of a case, and judged on cases that had no part in
them.
"""

import json

import numpy as np
import pytest

from plan_samples import PICTURES, planned
from scanwright.dataset.task import Channel, Task
from scanwright.errors import IntegrityError
from scanwright.evaluation.cases.judged import MeasuredCase
from scanwright.problem.certain import CERTAINTY
from scanwright.problem.certain_told import certainty_figures, certainty_part
from scanwright.problem.numbers.certain import number_certainty_from_json
from scanwright.problem.regression import Regression

PLAN = planned(PICTURES, steps=1)
KIND = Regression(
    Task(
        name="t",
        kind="regression",
        channels=(Channel(name="image", modality="mr"),),
        quantities=("volume_ml", "age"),
    )
)


def made(number=400, *, folds=5, networks=1, seed=0, first=0):
    """Rows whose errors are as large as their views differ, and the opinions; a seventh of the volumes is not known."""
    rng = np.random.default_rng(seed)
    rows, opinions = [], {}
    for k in range(number):
        name, spread = f"c{first + k}", rng.uniform(0.1, 3)
        true = rng.normal([10, 50], [3, 10])
        predicted = true + rng.normal(0, spread, 2)
        rows.append(
            MeasuredCase(
                case=name,
                patient=name,
                fold=k % folds if folds else None,
                groups={"site": "ab"[k % 2]},
                predicted=tuple(predicted.tolist()),
                truth=(None if k % 7 == 0 else float(true[0]), float(true[1])),
            )
        )
        opinions[name] = (predicted + rng.normal(0, spread, (networks, 8, 2))).astype(np.float32)
    return rows, opinions


@pytest.mark.parametrize("with_opinions", [False, True])
def test_intervals__hold_out_of_fold_and_on_other_cases(with_opinions):
    rows, opinions = made()
    metrics, kept = KIND.certainty(rows, rows, PLAN, opinions if with_opinions else {})
    kind = KIND.assured(json.loads(json.dumps(kept)))
    other, said = made(folds=0, seed=1, first=1000)
    on = kind.certainty_on(other, None, said if with_opinions else {})
    for block in (metrics, on):
        for name in ("volume_ml", "age"):
            found = block["by_quantity"][name]["intervals"]
            assert found["form"] == ("normalised" if with_opinions else "absolute")
            assert found["band"][0] - 0.01 < found["coverage"]["mean"] < found["band"][1] + 0.01
            assert ("selective" in block["by_quantity"][name]) == with_opinions
        assert block["by_quantity"]["volume_ml"]["intervals"]["coverage"]["n"] == sum(k % 7 > 0 for k in range(400))
        part = certainty_part({CERTAINTY: block}, units={"volume_ml": "ml", "age": ""})
        assert "held it in" in part.sentences[0] and len(part.tables) == 1
        assert len(certainty_figures({CERTAINTY: block}, asked="")) == with_opinions
    several, opinions = made(folds=0, networks=5, seed=1, first=1000)
    held = kind.certainty_on(several, None, opinions)["by_quantity"]["age"]["intervals"]["coverage"]["mean"]
    assert 0.88 < held < 0.99  # several networks know their spread better than one does: no less is held
    if with_opinions:
        spread = metrics["by_quantity"]["age"]["spread"]
        assert 0.8 < spread["ratio"] < 1.2 and spread["spearman"] > 0.3
        surest = metrics["by_quantity"]["age"]["selective"]["surest"]
        assert surest[0]["error"]["mean"] < 0.7 * surest[-1]["error"]["mean"]


def test_intervals__are_narrower_where_opinions_agree():
    rows, opinions = made()
    kind = KIND.assured(KIND.certainty(rows, rows, PLAN, opinions)[1])
    near, far = (np.array([[[10.0 - d, 50 - d], [10 + d, 50 + d]]] * 5, dtype=np.float32) for d in (0.1, 2))
    told = [kind.certain(np.array([10.0, 50.0]), one) for one in (near, far)]
    widths = [np.diff(one.found["intervals"]["quantities"]["age"])[0] for one in told]
    assert widths[0] < 0.3 * widths[1]
    assert told[0].found["opinions"] == 5 and told[0].found["spread"]["age"] == 0
    assert [one.code for one in told[0].said] == ["interval", "interval"] and "ml at 90 %" in told[0].said[0]
    line = kind.line(kind.found(np.array([10.0, 50.0])) | told[0].to_json())
    assert line.startswith("volume_ml 10, age 50  (90 %: volume_ml ")


def test_few_or_no_folds__no_interval():
    rows, _ = made(8)
    metrics, kept = KIND.certainty(rows, rows, PLAN, {})
    assert metrics["by_quantity"]["age"]["intervals"]["coverage"]["mean"] is None
    certain = KIND.assured(kept).certain(np.array([10.0, 50.0]), None)
    assert certain.found["intervals"]["quantities"] == {"volume_ml": None, "age": None} and not certain.said
    assert KIND.certainty(made(20, folds=1)[0], [], PLAN, {}) == ({}, None)
    assert KIND.certain(np.array([10.0, 50.0]), None).to_json() == {}


def test_kept__refuses_other_things():
    assert number_certainty_from_json({"sets": {}}) is None
    with pytest.raises(IntegrityError, match=r"confidence\.json"):
        number_certainty_from_json({"intervals": {"coverage": 0.9, "quantities": [{}]}})
