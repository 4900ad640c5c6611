"""The card of a data set: measured where files can tell, open where only people know, the same for the same data."""

import json

import pytest

from made_boxes import coco_folder
from made_folders import (
    decathlon_folder,
    made_case,
    made_task,
    nnunet_folder,
    picture,
    write_json,
    write_png,
    write_text,
)
from scanwright.api.data.card import card, datasheet_of
from scanwright.dataset.cases import Dataset
from scanwright.dataset.checks import Checks
from scanwright.errors import InputError, UsageError
from scanwright.report.datasheet import KEYS, QUESTIONS, Datasheet, Item, make_datasheet
from scanwright.report.datasheet_text import datasheet_html, datasheet_markdown


def test_card__of_volumes(tmp_path):
    folder = nnunet_folder(tmp_path / "a")
    write_text(folder / "who.csv", "id,patient,split,site\np00,A,train,x\np01,A,train,y\np02,B,train,x\np03,C,test,y\n")
    made = card(folder, tmp_path / "card.md")
    text = (tmp_path / "card.md").read_text()
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(QUESTIONS)
    assert "4 cases of 3 patients (column patient of who.csv)" in text
    assert "| liver | 4 |" in text and "| test | 1 | 1 |" in text and "| x | 2 |" in text
    assert made.sheet.open_keys == KEYS and text.count("To be answered") == len(KEYS)
    assert made.sheet.digest in text


def test_card__people_answer_beside_the_data(tmp_path):
    folder = decathlon_folder(tmp_path / "a", description="Made *for* tests", licence="CC0")
    write_json(folder / "datasheet.json", {"collection.consent": "Waived.\nSee <the> protocol.", "uses.risks": ""})
    made = card(folder, tmp_path / "card.md")
    text = (tmp_path / "card.md").read_text()
    assert "Made \\*for\\* tests" in text and "*(dataset.json)*" in text and "*(datasheet.json)*" in text
    assert "Waived.\n\nSee &lt;the&gt; protocol." in text
    answered = {"motivation.purpose", "distribution.licence", "collection.consent"}
    assert set(made.sheet.open_keys) == set(KEYS) - answered
    write_json(folder / "datasheet.json", {"distribution.licence": "own"})
    card(folder, tmp_path / "card.md")
    assert "CC0" not in (tmp_path / "card.md").read_text()


@pytest.mark.parametrize(
    ("answers", "error"), [({"uses.rsks": "x"}, UsageError), ({"uses.risks": 3}, InputError), ([], InputError)]
)
def test_card__answers_to_no_question(tmp_path, answers, error):
    folder = nnunet_folder(tmp_path / "a")
    write_json(folder / "datasheet.json", answers)
    with pytest.raises(error):
        card(folder, tmp_path / "card.md")


def test_card__classes_numbers_and_boxes(tmp_path):
    for k in range(6):
        write_png(tmp_path / f"c/i{k}.png", picture(k)[0])
    write_text(tmp_path / "c/t.csv", "image,class\n" + "".join(f"i{k}.png,{'ab'[k % 2]}\n" for k in range(6)))
    assert "| a | 3 | 3 |" in _text(tmp_path / "c", tmp_path)
    write_text(tmp_path / "c/t.csv", "image,age\n" + "".join(f"i{k}.png,{k + 0.5}\n" for k in range(6)))
    write_json(tmp_path / "c/scanwright.json", {"target": "age", "kind": "regression"})
    assert "| age | 6 | 3 | 0.5 | 5.5 |" in _text(tmp_path / "c", tmp_path)
    assert "| platelet | 3 | 3 | 3 |" in _text(coco_folder(tmp_path / "d"), tmp_path)


def _text(folder, tmp_path):
    card(folder, tmp_path / "card.md")
    return (tmp_path / "card.md").read_text()


def test_card__names_known_faults(tmp_path):
    folder = nnunet_folder(tmp_path / "a")
    (folder / "imagesTr/p01_0000.nii.gz").write_bytes(b"cut")
    assert "| error | unreadable-image | 1 | p01" in _text(folder, tmp_path)


def test_datasheet_of__groups_of_many_values(tmp_path):
    """As DICOM has them: an age is told as a range, and so are many words as a number."""
    groups = [{"age": str(20 + k), "reader": f"dr {k}"} | ({"sex": "F"} if k else {}) for k in range(24)]
    cases = tuple(made_case(f"p{k:02d}", groups=own) for k, own in enumerate(groups))
    dataset = Dataset(root=tmp_path, layout="made", stated="made", task=made_task(), cases=cases)
    text = datasheet_markdown(datasheet_of(dataset, Checks(faults=(), facts={}), digest="0" * 64))
    assert "Median 31.5 (20 to 43)." in text and "24 different values." in text
    assert "| not stated | 1 |" in text and "| F | 23 |" in text


def test_card__same_data_same_bytes_and_json(tmp_path):
    folder = nnunet_folder(tmp_path / "a")
    for name in ("1.html", "2.html", "3.json"):
        card(folder, tmp_path / name)
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "2.html").read_bytes()
    data = json.loads((tmp_path / "3.json").read_text())
    assert data["format"] == "scanwright datasheet 1" and [one["title"] for one in data["sections"]] == list(QUESTIONS)
    with pytest.raises(UsageError, match="text or a page"):
        card(folder, tmp_path / "card.pdf")


def test_pages__escape_every_text():
    nasty = "<script>|`*$"
    item = Item(question=nasty, answer=nasty, rows=((nasty, "b"), (nasty, nasty)), source=nasty)
    sheet = make_datasheet(name=nasty, digest="d", measured={"Uses": [item]}, answers={"uses.done": (nasty, nasty)})
    assert "<script>" not in datasheet_html(sheet) and "<script>" not in datasheet_markdown(sheet)
    table = [line for line in datasheet_markdown(sheet).splitlines() if line.startswith("| ")]
    assert all(line.replace("\\|", "").count("|") == 3 for line in table)


def test_sheet__without_anything():
    sheet = Datasheet(name="x", digest="d")
    assert sheet.open_keys == () and "# x" in datasheet_markdown(sheet)
