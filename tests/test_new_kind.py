"""The kind of problem in docs/how-to/new-kind.md, taken from the page and used as it says."""

import re
from pathlib import Path

import numpy as np
import pytest

import scanwright
from made_folders import write_png, write_text
from scanwright.errors import UsageError

PAGE = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "new-kind.md"
SMALL = {
    "network.widths": [8, 16, 32],
    "network.blocks": [1, 1, 1],
    "network.strides": [[1, 1, 1], [1, 2, 2], [1, 2, 2]],
    "network.kernels": [[1, 3, 3]] * 3,
    "batch.size": 8,
    "augment.mirror": [False, False, False],
    "augment.rotate_deg": [0, 0, 0],
}


def example():
    """The names that the page's code defines."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL).group(1)
    assert len([line for line in code.splitlines() if line.strip()]) <= 60
    names = {}
    exec(compile(code, str(PAGE), "exec"), names)
    return names


def pointers(root, *, cases=32):
    """Pictures of a line from the middle outwards, in a direction in degrees that a table gives."""
    rows = ["image,value"]
    for index in range(cases):
        degrees = (index * 360 / cases + 3) % 360
        rng = np.random.default_rng(index)
        pixels = rng.normal(50, 8, (24, 24))
        for reach in np.linspace(1, 10, 30):
            x, y = 12 + reach * np.cos(np.deg2rad(degrees)), 12 - reach * np.sin(np.deg2rad(degrees))
            pixels[round(y) - 1 : round(y) + 1, round(x) - 1 : round(x) + 1] = 220
        write_png(root / "images" / f"c{index:02d}.png", pixels.clip(0, 255).astype(np.uint8))
        rows.append(f"images/c{index:02d}.png,{degrees:.2f}")
    write_text(root / "cases.csv", "\n".join(rows) + "\n")
    return root


def test_new_kind__is_trained_reported_packaged_and_answers(tmp_path):
    names = example()
    data = pointers(tmp_path / "data")
    result, answers = names["run"](data, str(tmp_path / "run"), steps=80, folds=2, values=SMALL)
    assert result.metrics["problem"] == "angle" or result.plan.problem == "angle"
    error = result.metrics["overall"]["mae"]["mean"]
    assert error < 60, error  # 90 by chance
    assert "MAE" in result.report.read_text(encoding="utf-8")
    assert len(answers) == 32 and all(0 <= one.found["quantities"]["value"] < 360 for one in answers)


def test_new_kind__is_refused_where_it_is_not_given(tmp_path):
    names = example()
    data = pointers(tmp_path / "data", cases=12)
    result, _ = names["run"](data, str(tmp_path / "run"), steps=2, folds=2, values=SMALL)
    with pytest.raises(UsageError, match="does not know"):
        scanwright.predict(result.package, data, out=tmp_path / "out")
    with pytest.raises(UsageError, match="does not know"):
        scanwright.predict(
            result.package, data, out=tmp_path / "out", problem=type("Other", (names["Angle"],), {"name": "other"})
        )
