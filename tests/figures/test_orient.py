import pytest

from scanwright.figures.orient import nice_length


@pytest.mark.parametrize(
    ("longest", "length"), [(1.0, 1.0), (1.9, 1.0), (2.0, 2.0), (7.3, 5.0), (99.0, 50.0), (0.03, 0.02)]
)
def test_nice_length(longest, length):
    assert nice_length(longest) == pytest.approx(length)
