"""The card of a data set, as a datasheet: what it holds, read off the files, and what only people know, asked for.

The headings are those of Gebru et al. 2021, "Datasheets for Datasets", Communications of the ACM 64(12):86-92. A question that
files cannot answer has a key; its answer is taken from `datasheet.json` beside the data,

    {"motivation.purpose": "…", "collection.consent": "…"}

and stays an open question, marked as one, where nobody has given it. Nothing is guessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scanwright.errors import InputError, UsageError
from scanwright.files import read_json
from scanwright.types import JSON

FILE_NAME = "datasheet.json"

QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "Motivation": {
        "motivation.purpose": "For what purpose was the data set created?",
        "motivation.creators": "Who created it, and on behalf of whom?",
        "motivation.funding": "Who funded its creation?",
    },
    "Composition": {
        "composition.population": "Who are the patients (age, sex, disease, how selected), and who is not among them?",
        "composition.missing": "Is anything missing from individual cases, and why?",
        "composition.identifiable": "Could a person be identified, directly or together with other data? What was removed?",
    },
    "Collection process": {
        "collection.how": "How were the images acquired (scanners, protocols, software)?",
        "collection.when": "Over what time, and at which sites?",
        "collection.sampling": "Is it a sample of a larger set, and how was it drawn (consecutive, by diagnosis, by quality)?",
        "collection.ethics": "Was there an ethical review? By whom, under which number?",
        "collection.consent": "Did the patients consent, and can they withdraw?",
    },
    "Preprocessing, cleaning, labelling": {
        "labelling.who": "Who drew or assigned the labels, with what training, and how many people looked at each case?",
        "labelling.how": "By which protocol, with which software, and with what agreement between people?",
        "labelling.preprocessing": "What was done to the images before (resampling, cropping, conversion, de-identification)?",
    },
    "Uses": {
        "uses.done": "What has it been used for?",
        "uses.unsuitable": "What should it not be used for?",
        "uses.risks": "What in it could lead to unfair or harmful results?",
    },
    "Distribution": {
        "distribution.licence": "Under which licence or agreement may it be used?",
        "distribution.access": "How is it obtained?",
    },
    "Maintenance": {
        "maintenance.contact": "Who maintains it, and how are they reached?",
        "maintenance.updates": "Will it be updated or corrected, and how do users learn of it?",
        "maintenance.erratum": "Which errors are known?",
    },
}
"""What only people can answer, by heading."""

KEYS = tuple(key for questions in QUESTIONS.values() for key in questions)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One question and its answer: a text, a table (its first row names the columns), or nothing yet.

    key: where people answer it. source: where an answer comes from that is not the files' own, such as "datasheet.json".
    """

    question: str
    answer: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    key: str = ""
    source: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it waits for somebody to answer it."""
        return bool(self.key) and not self.answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Datasheet:
    """A data set's card: sections of questions in the order of Gebru et al., and the digest of the version described."""

    name: str
    digest: str
    sections: tuple[tuple[str, tuple[Item, ...]], ...] = field(default=())

    @property
    def open_keys(self) -> tuple[str, ...]:
        """Keys of the questions that nobody has answered."""
        return tuple(item.key for _, items in self.sections for item in items if item.is_open)

    def to_json(self) -> dict[str, JSON]:
        """Plain data, to be kept with a model."""
        return {
            "format": "scanwright datasheet 1",
            "name": self.name,
            "digest": self.digest,
            "sections": [
                {
                    "title": title,
                    "items": [
                        {
                            "question": item.question,
                            "answer": item.answer or None,
                            **({"rows": [list(row) for row in item.rows]} if item.rows else {}),
                            **({"key": item.key} if item.key else {}),
                            **({"source": item.source} if item.source else {}),
                        }
                        for item in items
                    ],
                }
                for title, items in self.sections
            ],
        }


def make_datasheet(
    *,
    name: str,
    digest: str,
    measured: Mapping[str, Sequence[Item]],
    answers: Mapping[str, tuple[str, str]],
) -> Datasheet:
    """A card from what the files say and what people say.

    measured: items by heading; they come first. answers: by key, an answer and where it comes from.
    """
    sections = tuple(
        (
            title,
            (
                *measured.get(title, ()),
                *(
                    Item(
                        question=question,
                        key=key,
                        answer=answers.get(key, ("", ""))[0],
                        source=answers.get(key, ("", ""))[1],
                    )
                    for key, question in questions.items()
                ),
            ),
        )
        for title, questions in QUESTIONS.items()
    )
    return Datasheet(name=name, digest=digest, sections=sections)


def read_answers(path: Path) -> dict[str, tuple[str, str]]:
    """What people have said, by key, and where; {} if the file is not there.

    Raises InputError if it is no JSON object of texts, UsageError for a key that no question has.
    """
    if not path.is_file():
        return {}
    found = read_json(path)
    if not isinstance(found, dict) or not all(isinstance(text, str | None) for text in found.values()):
        raise InputError("not the answers of a datasheet", where=path, expected='{"key": "text", …}')
    unknown = sorted(set(found) - set(KEYS))
    if unknown:
        raise UsageError(
            "a datasheet has no such question",
            where=path,
            expected=f"keys such as {', '.join(KEYS[:4])} …",
            found=unknown[0],
        )
    return {key: (text.strip(), path.name) for key, text in found.items() if text and text.strip()}


def answer_to(sheet: Mapping[str, JSON], key: str) -> str | None:
    """What people answered to a question, in a datasheet as plain data (`Datasheet.to_json`); None if nobody has."""
    items = (item for section in sheet["sections"] for item in section["items"])
    return next((item["answer"] for item in items if item.get("key") == key), None)
