"""Options that several commands have: what they refuse before anything is read."""

from pathlib import Path

import pytest

from scanwright.errors import UsageError
from scanwright.options import require_report


@pytest.mark.parametrize(
    ("option", "given"),
    [("--template", {"template": Path("a")}), ("--patient", {"patient": True}), ("--language", {"language": "zh"})],
)
def test_report__its_options_need_one(option, given):
    require_report(**{"language": "en", "template": None, "patient": False})
    with pytest.raises(UsageError, match="an option of the report") as caught:
        require_report(**({"language": "en", "template": None, "patient": False} | given))
    assert caught.value.where == option
