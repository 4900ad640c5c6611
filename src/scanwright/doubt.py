"""A reason to doubt an answer: a sentence that is data as well.

    Doubt("tilted", "tilted: slices are shifted by {degrees:.1f} degrees", degrees=12.04)

It is made where the reason arises, and is the English sentence: it is printed, compared and kept in files as any other text is.
Whoever shows it in another language or to other readers takes the code and the values, and puts his own words round them
(`report.study`). A plain text among doubts is one without a code.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Self, TypeAlias

from scanwright.types import JSON

Value: TypeAlias = str | int | float


class Doubt(str):
    """An English sentence with its code ("no-position") and the values that it is filled with. Cannot be changed.

    A value may be a Doubt too: the reason for what the sentence tells.
    Raises KeyError for a sentence with a place that no value is given for.
    """

    __slots__ = ("_code", "_sentence", "_values")
    _code: str
    _sentence: str
    _values: Mapping[str, Value]

    def __new__(cls, code: str, sentence: str, /, **values: Value) -> Self:
        """sentence: with places for the values, as `str.format` has them."""
        one = super().__new__(cls, sentence.format(**values))
        one._code, one._sentence, one._values = code, sentence, MappingProxyType(values)
        return one

    @property
    def code(self) -> str:
        """What kind of doubt it is: one code, one set of values."""
        return self._code

    @property
    def values(self) -> Mapping[str, Value]:
        """The values by the names of their places, in no unit but the sentence's."""
        return self._values

    def __reduce__(self) -> tuple[object, ...]:
        """Copies and other processes keep the code and the values."""
        return _again, (self._code, self._sentence, dict(self._values))


def _again(code: str, sentence: str, values: Mapping[str, Value]) -> Doubt:
    return Doubt(code, sentence, **values)


def as_data(note: str) -> dict[str, JSON]:
    """A doubt as plain data: {"code", "values", "text"}; of a plain text without a code.

    >>> as_data(Doubt("few", "{number} slices", number=3)), as_data("blurred")
    ({'code': 'few', 'values': {'number': 3}, 'text': '3 slices'}, {'code': '', 'values': {}, 'text': 'blurred'})
    """
    code, values = (note.code, dict(note.values)) if isinstance(note, Doubt) else ("", {})
    return {"code": code, "values": values, "text": str(note)}
