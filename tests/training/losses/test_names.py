import pytest

from scanwright.errors import UsageError
from scanwright.training.losses.classes import ONE
from scanwright.training.losses.names import loss_named


def test_loss_named__is_the_one_of_that_name() -> None:
    assert loss_named(ONE, "focal") is ONE["focal"]


def test_loss_named__says_which_there_are() -> None:
    with pytest.raises(UsageError) as raised:
        loss_named(ONE, "corn")
    assert raised.value.lines()[1] == "expected ce, focal, found corn"
