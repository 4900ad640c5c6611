"""The colours of every figure. Structures are colour-blind safe; paper and ink are names that a page may set again.

A plot is drawn with the light values below. In the SVG each of them also becomes a class (`f-ink`, `s-grid`), so that a
page in dark mode restyles the same bytes; read alone, the file shows the light values.

Sources: Okabe & Ito, "Color Universal Design", 2008 (the first seven, brightest first because they lie on grey scans);
Paul Tol, "Colour schemes", SRON/EPS/TN/09-002, 2021, scheme "muted" (the seven after them).
"""

INK = "#1b2430"
MUTED = "#5a6675"
GRID = "#dfe4ea"
ACCENT = "#2456a6"
THEME = {INK: "ink", MUTED: "muted", GRID: "grid", ACCENT: "accent"}

OKABE_ITO = ("#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#d55e00", "#0072b2", "#f0e442")
TOL_MUTED = ("#882255", "#44aa99", "#999933", "#88ccee", "#aa4499", "#ddcc77", "#332288")
STRUCTURES = OKABE_ITO + TOL_MUTED


def structure_colour(index: int) -> str:
    """The colour of the index-th structure as "#rrggbb". From the fifteenth on, colours come round again."""
    return STRUCTURES[index % len(STRUCTURES)]
