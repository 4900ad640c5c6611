"""A reason to doubt is a text and data; every one that the sources make has words in every language of the study report."""

import ast
import copy
import json
import pickle
from collections.abc import Iterator, Mapping
from string import Formatter

import pytest

from scanwright.doubt import Doubt, as_data
from scanwright.report.study_words import LANGUAGES, words_of_study
from test_floors import SOURCE, read_sources

FEW = Doubt("few", "{number} of {share:.0%}", number=3, share=0.25)


def test_doubt__is_its_english_sentence():
    assert FEW == "3 of 25%" and f"a: {FEW}" == "a: 3 of 25%" and {FEW: 1}["3 of 25%"] == 1
    assert json.dumps([FEW]) == '["3 of 25%"]' and isinstance(FEW, str)


def test_doubt__is_data_that_cannot_be_changed():
    assert (FEW.code, dict(FEW.values)) == ("few", {"number": 3, "share": 0.25})
    with pytest.raises(AttributeError):
        FEW.code = "many"
    with pytest.raises(TypeError):
        FEW.values["number"] = 4
    with pytest.raises(KeyError):
        Doubt("few", "{number} of {share}", number=3)


@pytest.mark.parametrize("again", [copy.copy(FEW), copy.deepcopy(FEW), pickle.loads(pickle.dumps(FEW))])
def test_doubt__copies_and_other_processes_keep_its_data(again):
    assert (str(again), again.code, again.values) == (str(FEW), FEW.code, FEW.values)


def test_as_data__of_a_doubt_within_a_doubt_and_of_plain_text():
    outer = Doubt("not-compared", "not compared: {reason}", reason=FEW)
    assert outer == "not compared: 3 of 25%"
    found = json.loads(json.dumps(as_data(outer)))
    assert found == {"code": "not-compared", "values": {"reason": "3 of 25%"}, "text": "not compared: 3 of 25%"}
    assert as_data("plain") == {"code": "", "values": {}, "text": "plain"}


def made(texts: Mapping[str, str]) -> Iterator[tuple[str, str, frozenset[str]]]:
    """(code, sentence, names of values) of every `Doubt(…)` in sources. A sentence is a literal there, or a name set above."""
    for module, text in texts.items():
        tree = ast.parse(text)
        named = {
            target.id: node.value.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Doubt":
                said = [named.get(one.id) if isinstance(one, ast.Name) else one.value for one in node.args]
                if module != "doubt":
                    yield str(said[0]), str(said[1]), frozenset(str(word.arg) for word in node.keywords)


def places(sentence: str) -> set[tuple[str, str]]:
    """The places of a sentence, each with the format of its number."""
    return {(name, form or "") for _, name, form, _ in Formatter().parse(sentence) if name is not None}


@pytest.fixture(scope="module")
def doubts() -> list[tuple[str, str, frozenset[str]]]:
    found = list(made(read_sources(SOURCE)))
    assert {"no-position", "tilted", "unfamiliar-values", "prior-fits-poorly"} <= {code for code, _, _ in found}
    return found


def test_sources__one_code_is_one_doubt(doubts):
    codes = [code for code, _, _ in doubts]
    assert sorted(codes) == sorted(set(codes))
    assert all(set(values) == {name for name, _ in places(sentence)} for _, sentence, values in doubts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sources__every_doubt_has_words_with_the_same_places(doubts, language):
    words = words_of_study(language)["doubts"]
    assert {code: places(sentence) for code, sentence, _ in doubts} == {
        code: places(sentence) for code, sentence in words.items()
    }


def test_planted__a_doubt_is_found_however_its_sentence_is_written():
    text = 'said = "{a} is {b:.2f}"\nX = Doubt("one", "nothing" " here")\nY = [Doubt("two", said, a=1, b=2.0)]'
    assert list(made({"api": text})) == [
        ("one", "nothing here", frozenset()),
        ("two", "{a} is {b:.2f}", frozenset({"a", "b"})),
    ]
