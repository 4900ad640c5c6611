"""The plans of the labelled data folders, kept as text: a rule that changes shows here what it changes.

Where the change is meant: `PYTHONPATH=tests python tests/plan/test_golden.py` writes them again; read the difference.
"""

from typing import Any

import pytest

from plan_samples import FOLDERS, GOLDEN, kept_fingerprint, planned
from scanwright.files import read_json, write_json
from scanwright.plan.plan import flatten


def plan_of(folder: str) -> dict[str, Any]:
    """The plan for 1000 steps on a laptop, without its reasons."""
    plan = planned(kept_fingerprint(folder), steps=1000).to_json()
    return {section: values for section, values in plan.items() if section != "why"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_plan__is_the_one_that_was_kept(folder: str) -> None:
    kept, now = (dict(flatten(plan)) for plan in (read_json(GOLDEN / "plans" / f"{folder}.json"), plan_of(folder)))
    changed = {name: (kept.get(name), now.get(name)) for name in kept | now if kept.get(name) != now.get(name)}
    assert changed == {}, __doc__


if __name__ == "__main__":
    for name in FOLDERS:
        write_json(GOLDEN / "plans" / f"{name}.json", plan_of(name))
