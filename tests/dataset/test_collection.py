"""What a collection declares beside its table."""

import pytest

from made_folders import made_task
from scanwright.dataset.collection import write_declaration
from scanwright.dataset.declare import read_declaration


@pytest.mark.parametrize("findings", [None, (), ("liver",)])
def test_declaration__which_regions_are_findings(tmp_path, findings):
    write_declaration(tmp_path, made_task(findings=findings))
    assert read_declaration(tmp_path).findings == findings
