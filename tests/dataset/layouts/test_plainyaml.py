import pytest

from made_folders import write_text
from scanwright.dataset.layouts import plainyaml
from scanwright.dataset.layouts.plainyaml import read_yaml
from scanwright.errors import InputError

ROBOFLOW = """\
train: ../train/images
val: ../valid/images

nc: 3
names: ['Platelets', "RBC # red", WBC]   # three

roboflow:
  workspace: joseph
  url: https://universe.roboflow.com/a/b
  version: 4
"""
ULTRALYTICS = """\
---
# COCO8
path: ../datasets/coco8  # root
train:
  - images/a
  - images/b, and more
test: # none
names:
  0: person
  1: 'it''s'
  2: don't

download: |
  def f():
    \treturn {1: [2}
  x: y
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("a: 1\n", {"a": "1"}),
        ("a: [b,\n  'c, d',\n  e,\n]\nf: g", {"a": ["b", "c, d", "e"], "f": "g"}),
        ("a: {0: b, '1': \"c: d\"}", {"a": {"0": "b", "1": "c: d"}}),
        ("a: []\nb: {}", {"a": [], "b": {}}),
        ("a:\n- b\n- c\nd: ''", {"a": ["b", "c"], "d": ""}),
        ("größe: ä\r\n'b c': d\r\n", {"größe": "ä", "b c": "d"}),
        (
            ROBOFLOW,
            {
                "train": "../train/images",
                "val": "../valid/images",
                "nc": "3",
                "names": ["Platelets", "RBC # red", "WBC"],
                "roboflow": {"workspace": "joseph", "url": "https://universe.roboflow.com/a/b", "version": "4"},
            },
        ),
        (
            ULTRALYTICS,
            {
                "path": "../datasets/coco8",
                "train": ["images/a", "images/b, and more"],
                "test": "",
                "names": {"0": "person", "1": "it's", "2": "don't"},
                "download": "",
            },
        ),
    ],
)
def test_what_is_read(tmp_path, text, found):
    assert read_yaml(write_text(tmp_path / "data.yaml", text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "- a",
        "a: &b c",
        "a: *b",
        "a: !!python/object:os.system c",
        "a: b: c",
        "a: [b, [c]]",
        "a: [b",
        "a: [b, c] d",
        "a: {b}",
        "a: 'b",
        'a: "b\\n"',
        "a:\n  b:\n    c: d",
        "a:\n  - b\n  c: d",
        "a:\n  - - b",
        "a: b\n  c",
        "a: 1\na: 2",
        "a: {b: 1, b: 2}",
        "a: 1\n---\nb: 2",
        "\ta: b",
        "a:\n\t- b",
        "%YAML 1.1",
        "? a",
        "a: [b, , c]",
    ],
)
def test_all_else_is_refused_with_its_line(tmp_path, text):
    with pytest.raises(InputError, match=r"data.yaml, line \d") as raised:
        read_yaml(write_text(tmp_path / "data.yaml", text))
    assert "more of YAML" in raised.value.message


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_bytes(b"a: \xff")
    for name in ("a.yaml", "gone.yaml"):
        with pytest.raises(InputError, match="cannot read"):
            read_yaml(tmp_path / name)
    monkeypatch.setattr(plainyaml, "MAX_BYTES", 3)
    with pytest.raises(InputError, match="too large"):
        read_yaml(write_text(tmp_path / "b.yaml", "a: bc"))
