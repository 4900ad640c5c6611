"""Units of measure as people write them, in cells and at the end of the name of a column."""

import re

SAME = (
    "mm3 mm\u00b3 ul \u00b5l \u03bcl",
    "cm3 cm\u00b3 cc ml",
    "mm2 mm\u00b2",
    "cm2 cm\u00b2",
    "m2 m\u00b2",
    "um \u00b5m \u03bcm",
    "ug \u00b5g \u03bcg",
    "kg/m2 kg/m\u00b2",
    "s sec",
    "h hr hrs hour hours",
    "day days",
    "w wk week weeks",
    "mo month months",
    "y yr yrs year years",
    "% percent",
)
"""Ways to write one unit, a line each."""
OTHERS = (
    "nm mm cm m cl dl l px ng mg g kg hu ms min bpm hz khz mhz mmhg kpa mg/dl g/dl g/l mg/l ng/ml pg/ml mmol/l ml/min cm/s "
    "m/s"
)
BY_SPELLING = {word: words.split()[0] for words in (*SAME, *OTHERS.split()) for word in words.split()}
UNITS = frozenset(BY_SPELLING) - {"percent", "px"}
"""Units that may stand behind a number in a cell."""
IN_NAME = re.compile(r".*[(\[]\s*(?P<inside>[^()\[\]]+?)\s*[)\]]|.*[_ ](?P<behind>[^_ ()\[\]]{2,}|%)")
SURE = re.compile(r"[(\[]([^()\[\]]+)[)\]]\s*$|_(mm3|mm2|mm|cm|ml|l|px|years|kg|g|hu|percent)$")
"""A unit and nothing else: what stands behind "_" may be another word, as in "hu_min"."""


def unit_in_name(name: str) -> str:
    """The unit at the end of a quantity's name: in brackets, or one of the usual ones behind an underscore; "" if none.

    >>> [unit_in_name(name) for name in ("age (years)", "volume_ml", "score", "hu_min", "last [day")]
    ['years', 'ml', '', '', '']
    """
    found = SURE.search(name)
    return (found[1] or found[2]) if found else ""


def states_unit(name: str) -> bool:
    """Whether a column's name may end in the unit of a measure.

    >>> states_unit("PDFF (%)"), states_unit("stiffness_kPa"), states_unit("benign"), states_unit("p_y")
    (True, True, False, False)
    """
    found = IN_NAME.fullmatch(name.strip())
    return found is not None and (found["inside"] or found["behind"]).casefold() in UNITS


def contradict(one: str, other: str) -> bool:
    """Whether two units are both known, and not the same.

    >>> contradict("ml", "mm3"), contradict("cc", "mL"), contradict("years", "y"), contradict("ml", "points")
    (True, False, False, False)
    """
    known = [BY_SPELLING.get(unit.strip().casefold()) for unit in (one, other)]
    return None not in known and known[0] != known[1]
