"""The words of a study report in a language, and the sentences that the page and the DICOM report share.

Words are data: `templates/study.LANGUAGE.json`, and a site's own file of that name before it, word by word. What a site writes
is looked through as it is read, so that nothing is answered for a page that cannot be written.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment, SandboxedFormatter

from scanwright.doubt import Doubt
from scanwright.errors import InputError, UsageError
from scanwright.report.model_facts import FoundInTest, HowTested, ImagesTold, Interval, ModelFacts
from scanwright.report.notation import number

LANGUAGES = ("en", "zh")
LAYOUT = "study.html"
CLOSED = frozenset(("tested", "when", "headers", "pictures", "results", "changes"))
"""Words under which stand texts by names that are all ours."""
ALIKE = 0.75
"""How like one of our names (as `difflib` counts) another is that must be a slip."""
DOUBTS = "doubts"
"""Under which word the sentences of doubts stand, by their codes."""
UNFIT = (LookupError, ValueError, TypeError, AttributeError, TemplateError)
"""What filling a sentence raises where its places are not those of its values."""
FORMATTER = SandboxedFormatter(SandboxedEnvironment(undefined=StrictUndefined))
"""Fills a site's sentences, and reaches nothing but the values."""

Words = Mapping[str, Any]


def file_of_words(language: str, site: Path | None) -> str:
    """Where the words of a language are read from first: the site's file if it has one, else ours."""
    name = f"study.{language}.json"
    return name if site is None or not (site / name).is_file() else str(site / name)


def words_of_study(language: str, *, site: Path | None = None) -> Words:
    """The words of a language, a site's own before ours; in a language of the site's alone, English for what it leaves out.

    Raises UsageError for a language that there are no words for, InputError for a site's words that cannot be used.
    """
    name = f"study.{language}.json"
    own = {} if site is None or not (site / name).is_file() else _read_words(site / name)
    if language not in LANGUAGES and not own:
        raise UsageError("a language without words", where="--language", expected=", ".join(LANGUAGES), found=language)
    shipped = [_shipped(one) for one in LANGUAGES]
    _require_fit(own, shipped, where=file_of_words(language, site))
    _require_known(own, shipped, site=site, where=file_of_words(language, site))
    ours = _shipped(language if language in LANGUAGES else LANGUAGES[0])
    both = {word: ours[word] | text for word, text in own.items() if isinstance(ours.get(word), dict)}
    return ours | own | both


def _shipped(language: str) -> dict[str, Any]:
    shipped = resources.files("scanwright.report") / "templates" / f"study.{language}.json"
    words: dict[str, Any] = json.loads(shipped.read_text(encoding="utf-8"))
    return words


def _read_words(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError("words that cannot be read", where=file, found=str(error)[:160]) from error
    if not isinstance(found, dict):
        raise InputError("words that cannot be read", where=file, expected="an object of names and texts")
    return found


def _require_fit(own: Words, ours: Sequence[Words], *, where: str) -> None:
    """Raise InputError for words of another form than ours in every language, or with places that ours have in none."""
    for word, text in own.items():
        known = [one[word] for one in ours if word in one]
        place = f"{where}: {word}"
        if not known:
            continue  # for a layout of the site's own
        if not isinstance(text, type(known[0])):
            form = "an object of names and texts" if isinstance(known[0], dict) else "a text"
            raise InputError("words of another form", where=place, expected=form, found=str(text)[:80])
        if isinstance(text, dict):
            _require_fit(text, known, where=place)
        else:
            _require_places(text, known, where=place)


def _require_known(own: Words, ours: Sequence[Words], *, site: Path | None, where: str) -> None:
    """Raise InputError for a name that is nearly one of ours, and shown by nothing: a slip. What is like none is for a layout
    of the site's own, or a doubt of a kind of problem from outside.
    """
    laid_out = site is not None and (site / LAYOUT).is_file()
    doubts = own.get(DOUBTS, {}), [one[DOUBTS] for one in ours]
    closed = {f"{where}: {word}": (own[word], [one.get(word, {}) for one in ours]) for word in CLOSED & own.keys()}
    for place, (said, known) in {where: (own, ours), f"{where}: {DOUBTS}": doubts, **closed}.items():
        names: set[str] = set().union(*known)
        for word in said.keys() - names if place != where or not laid_out else ():
            if near := difflib.get_close_matches(word, names, n=2, cutoff=ALIKE):
                raise InputError(
                    "words that nothing shows",
                    where=f"{place}: {word}",
                    expected=" or ".join(near),
                    hint="Correct the name, or leave it out.",
                )


def _require_places(own: str, ours: Sequence[str], *, where: str) -> None:
    """Raise InputError for a sentence that cannot be filled with what ours are filled with: numbers where ours state a format,
    else numbers and texts. What has no places in any language is not filled.
    """
    stated = [(name, spec) for one in ours for _, name, spec, _ in Formatter().parse(one) if name]
    if not stated and f": {DOUBTS}: " not in where:
        return
    numbers = {name: 1.0 for name, spec in stated if spec}
    for value in ("text", 1):
        _filled(own, {name: value for name, _ in stated} | numbers, where=where)


def _filled(sentence: str, values: Mapping[str, Any], *, where: str) -> str:
    """Raises InputError, naming where the sentence stands, for one that has other places than the values."""
    try:
        return FORMATTER.vformat(sentence, (), values)
    except UNFIT as error:
        raise InputError(
            "words that cannot be used",
            where=where,
            expected=", ".join(f"{{{name}}}" for name in values) or "a sentence without places",
            found=str(sentence)[:160],
        ) from error


def said(doubt: str, *, words: Words, where: str = "") -> str:
    """A reason to doubt in the words of a language; as it is where they have none for its code, or it has no code.

    words: of `words_of_study`. where: they stand.
    Raises InputError for a sentence with a place that the doubt has no value for.
    """
    sentence = words.get(DOUBTS, {}).get(doubt.code) if isinstance(doubt, Doubt) else None
    if sentence is None or not isinstance(doubt, Doubt):
        return str(doubt)
    values = {
        name: said(value, words=words, where=where) if isinstance(value, Doubt) else value
        for name, value in doubt.values.items()
    }
    return _filled(sentence, values, where=f"{where}: {DOUBTS}: {doubt.code}")


def things_of(facts: ModelFacts, words: Words) -> str:
    """What a model looks for."""
    return str(words["things"]["objects" if facts.kind == "detection" else "findings"])


def tested_text(tested: HowTested, things: str, *, words: Words) -> str:
    """One way in which a model was tested and all that came of it, in one sentence. things: as of `things_of`."""
    name = words["metrics"].get(tested.metric, tested.metric)
    headline = (
        _fill(words["undefined"], metric=name)
        if tested.value is None
        else f"{name} {number(tested.value)}{_between(tested.interval, words)}"
    )
    how = _fill(words["tested"][tested.how], cases=tested.cases, patients=tested.patients)
    parts = [
        f"{how}{words['colon']}{headline}",
        *([] if tested.findings is None else _found_texts(tested.findings, things, words)),
        *([] if tested.images is None else [text for text, _ in told_images(tested.images, words=words)]),
    ]
    return str(words["semicolon"].join(parts))


def told_images(images: ImagesTold, *, words: Words) -> list[tuple[str, bool]]:
    """How abnormal and normal images were told in a test, each in a sentence, with whether most were told wrongly."""
    each = (
        ("told_abnormal", images.abnormal, images.told_abnormal, images.sensitivity, images.sensitivity_interval),
        ("told_normal", images.normal, images.told_normal, images.specificity, images.specificity_interval),
    )
    return [
        (
            _fill(words[word], number=of, told=told, share=number(share)) + _between(interval, words),
            2 * told < of,
        )
        for word, of, told, share, interval in each
        if of
    ]


def _found_texts(found: FoundInTest, things: str, words: Words) -> Iterator[str]:
    if found.sensitivity is not None:
        text = _fill(
            words["sensitivity"], hits=found.hits, true=found.true, things=things, sensitivity=number(found.sensitivity)
        )
        yield text + _between(found.sensitivity_interval, words)
    text = _fill(words["false"], things=things, false=number(found.false_per_case, 2))
    yield text + _between(found.false_interval, words, digits=2)


def _between(interval: Interval | None, words: Words, *, digits: int = 3) -> str:
    """A confidence interval behind its value; "" for none."""
    if interval is None:
        return ""
    low, high = (number(one, digits) for one in interval)
    return " " + _fill(words["interval"], interval=f"{low}–{high}")


def _fill(sentence: str, **values: Any) -> str:
    """A sentence of `words_of_study` with its values."""
    return FORMATTER.vformat(sentence, (), values)
