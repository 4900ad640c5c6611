"""What a table of features says of what is known of cases."""

from made_folders import made_case
from scanwright.dataset.cases import Classes
from scanwright.dataset.task import Channel, Task
from scanwright.features.case_columns import case_columns


def test_labels__empty_where_they_are_not_known():
    channels = (Channel(name="X", modality="xray"),)
    task = Task(name="t", kind="classification", classes=("a", "b"), choice="several", channels=channels)
    targets = [Classes(names=("a",)), Classes(names=("b",), unknown=("a",)), None]
    cases = [made_case(f"p{k}", label=None, target=target) for k, target in enumerate(targets)]
    columns = case_columns(cases, task, tells_patients=False)
    assert columns == {"case.target.a": (1, None, None), "case.target.b": (0, 1, None)}
