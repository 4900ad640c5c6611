"""A run with a learning curve, and what it leaves for a paper."""

import json
import re

import pytest

from made_images import class_folder, number_folder
from scanwright.report.citations import cited


@pytest.mark.parametrize(
    ("made", "primary"),
    [(lambda root: class_folder(root, each=28), "auroc"), (lambda root: number_folder(root, cases=60), "r2")],
)
def test_train__a_learning_curve_and_what_a_paper_needs(scanwright, tmp_path, made, primary):
    data, run = made(tmp_path / "data"), tmp_path / "run"
    ended = scanwright("train", data, "--model", "svm", "--folds", "2", "--learning-curve", "-o", run)
    assert ended.code == 0, ended.err
    curve = json.loads((run / "learning_curve.json").read_text())
    shares = [one["share"] for one in curve["points"]]
    assert curve["metric"] == primary and shares == [0.25, 0.5, 1.0] == sorted(shares)
    assert [round(one["share"] * curve["points"][-1]["cases"]) for one in curve["points"]] == [
        one["cases"] for one in curve["points"]
    ]
    metrics = json.loads((run / "metrics.json").read_text())
    assert curve["points"][-1]["value"] == metrics["overall"][primary]["mean"]
    assert "fewer than 8" in curve["left_out"][0]
    size = json.loads((run / "sample_size.json").read_text())
    assert size["judged"] == "Cross-validation" and all(one["seen"]["patients"] for one in size["measures"])
    page = (run / "report.html").read_text()
    assert 'id="enough"' in page and 'id="paper"' in page and 'href="#paper"' in page
    methods = (run / "methods.md").read_text()
    keys = cited([methods])
    bibliography = (run / "references.bib").read_text()
    assert len(keys) > 4 and all(f"{{{key}," in bibliography for key in keys)
    assert set(re.findall(r"^@\w+\{(\w+),", bibliography, re.MULTILINE)) == {*keys, "tejani2024", "collins2024"}
    record = json.loads((run / "run.json").read_text())
    assert record["machine"]["device_name"] in methods and record["data"] in methods
    for name in ("claim", "tripod_ai"):
        text = (run / "checklists" / f"{name}.md").read_text()
        assert "items the run fills" in text and str(tmp_path) not in text
        assert (run / "checklists" / f"{name}.csv").read_text().startswith("item,section,asks,status")
    assert str(tmp_path) not in methods
