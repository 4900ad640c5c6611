"""A run with a learning curve, and what it leaves for a paper."""

import json
import re

from made_images import class_folder
from scanwright.api.make_model import train
from scanwright.plan.settings import Settings
from scanwright.report.citations import cited


def test_train__a_learning_curve_and_what_a_paper_needs(tmp_path):
    data, run, primary = class_folder(tmp_path / "data", each=28), tmp_path / "run", "auroc"
    result = train(data, out=run, settings=Settings(folds=2, model="svm"), learning_curve=True)
    curve = json.loads((run / "learning_curve.json").read_text())
    shares = [one["share"] for one in curve["points"]]
    assert curve["metric"] == primary and shares == [0.286, 0.434, 0.659, 1.0]
    assert [one["cases"] for one in curve["points"]] == [8, 12, 18, 28]
    assert result.learning_curve["metric"] == primary and result.sample_size["shares"]
    metrics = json.loads((run / "metrics.json").read_text())
    assert curve["points"][-1]["value"] == metrics["overall"][primary]["mean"]
    assert curve["left_out"] == []
    size = json.loads((run / "sample_size.json").read_text())
    assert size["judged"] == "Cross-validation" and size["headline"] is None  # an area of 1 has no variance
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
