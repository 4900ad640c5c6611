"""Text and marks drawn on pictures, with the truth of where they lie: what the detector of burned-in marks learns from.

A `Canvas` is a picture in [0, 1] and the shapes put on it. Texts are rendered by Pillow in any TrueType font, as scanners do:
smoothed or not, white or black, outlined, on a box, half transparent, upright or turned.
"""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from made_signs import SIGNS, covered, grown
from PIL import Image, ImageDraw, ImageFont

from scanwright.types import Array

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
BoxXY = tuple[int, int, int, int]

WORDS = (
    *("R", "L", "R", "L", "RT", "LT", "AP", "PA", "LAT", "ERECT", "SUPINE", "PORTABLE", "LEFT", "RIGHT", "BREAST", "CC", "MLO"),
    *("RADIAL", "ANTI", "TRANS", "SAG", "LONG", "MASS", "CYST", "NODE", "US", "Gain", "Depth", "MI", "TIS", "DR", "FR", "Hz"),
    *("Dist", "Area", "Vol", "Series", "Im", "kV", "mAs", "Name", "ID", "Hospital", "Dr.", "Female", "SE", "W", "C", "Zoom"),
    *("LIVER", "KIDNEY", "links", "rechts", "stehend", "gauche", "debout", "axilla", "nipple", "o'clock", "LUOQ", "LLIQ"),
)  # fmt: skip
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
PUNCTUATION = ".:/-+%()#*,="


@dataclass(frozen=True, kw_only=True)
class Planted:
    """What was put on a picture: its kind, box (x0, y0, x1, y1) in pixels, height of a capital, and how it stands out.

    contrast: difference of its ink to what lay behind it, as a share of the picture's full range.
    """

    kind: str
    box: BoxXY
    cap_height: float
    contrast: float
    words: str = ""


@dataclass(kw_only=True)
class Canvas:
    """A picture (Y, X) float32 in [0, 1], maps of what is text, what another mark, and a list of them."""

    pixels: Array
    text: Array = field(init=False)
    mark: Array = field(init=False)
    planted: list[Planted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.text, self.mark = (np.zeros(self.pixels.shape, bool) for _ in range(2))

    def free(self, box: BoxXY, *, margin: int = 2) -> bool:
        """Whether a box lies on the picture and touches nothing that is there."""
        x0, y0, x1, y1 = box
        height, width = self.pixels.shape
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            return False
        part = np.s_[max(0, y0 - margin) : y1 + margin, max(0, x0 - margin) : x1 + margin]
        return not (self.text[part].any() or self.mark[part].any())


@cache
def truetype(path: str, size: int) -> ImageFont.FreeTypeFont:
    """A font at a size in points, kept."""
    return ImageFont.truetype(path, size)


@cache
def font_of_height(path: str, cap_height: int) -> ImageFont.FreeTypeFont:
    """A font whose capital H is about so many pixels high."""
    _, top, _, bottom = truetype(path, 200).getbbox("H")
    return truetype(path, max(4, round(200 * cap_height / max(1, bottom - top))))


def draw_words(rng: np.random.Generator, *, longest: int) -> str:
    """One to five words as they stand on scans: words, numbers with units, dates, times, anything."""

    def one() -> str:
        kind = rng.integers(6)
        if kind < 2:
            word = str(rng.choice(WORDS))
            return word.lower().capitalize() if rng.random() < 0.2 else word
        if kind == 2:
            return f"{rng.uniform(0, 300):.{rng.integers(0, 3)}f}" + str(
                rng.choice(["", "cm", " mm", "%", "dB", "MHz", " cm"])
            )
        if kind == 3:
            day, month, year = rng.integers(1, 29), rng.integers(1, 13), rng.integers(1990, 2026)
            return str(
                rng.choice([f"{day:02d}/{month:02d}/{year}", f"{year}-{month:02d}-{day:02d}", f"{day}.{month}.{year}"])
            )
        if kind == 4:
            return f"{rng.integers(24):02d}:{rng.integers(60):02d}" + f":{rng.integers(60):02d}" * int(rng.integers(2))
        return "".join(rng.choice(list(LETTERS + PUNCTUATION), rng.integers(1, 9)))

    words = " ".join(one() for _ in range(int(rng.integers(1, 6))))
    return words[: max(1, longest)].strip(" .-:,'") or "A"


def text_mask(words: str, font: Font, *, smooth: bool, outline: int, turns: int = 0) -> tuple[Array, Array]:
    """The ink of a text and of its outline, float32 in [0, 1], both cropped to where either has some."""
    x0, y0, x1, y1 = (round(edge) for edge in font.getbbox(words))
    size = (max(1, x1 - x0) + 2 * outline + 2, max(1, y1 - y0) + 2 * outline + 2)
    at = (1 + outline - x0, 1 + outline - y0)
    inks = []
    for width in {0: (0, 0)}.get(outline, (0, outline)):
        picture = Image.new("L", size)
        draw = ImageDraw.Draw(picture)
        draw.fontmode = "L" if smooth else "1"
        draw.text(at, words, fill=255, font=font, stroke_width=width)
        inks.append(np.rot90(np.asarray(picture, np.float32) / 255, turns))
    rows, columns = (np.flatnonzero((inks[1] > 0.3).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32)
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return inks[0][part], inks[1][part]


def ink_value(rng: np.random.Generator, behind: Array, *, contrast: float) -> float | None:
    """A brightness that differs from the mean of what lies behind by about `contrast`; None where there is no room for it."""
    mean = float(behind.mean())
    sides = [mean + contrast] * 3 + [mean - contrast]
    there = [value for value in sides if 0 <= value <= 1]
    return float(rng.choice(there)) if there else None


def plant_text(
    canvas: Canvas,
    rng: np.random.Generator,
    font: Font,
    *,
    cap_height: int,
    contrast: float,
    style: str = "plain",
    turns: int = 0,
    smooth: bool = True,
    words: str | None = None,
    cut: bool = False,
) -> Planted | None:
    """Put a text at a free place; None if there is none, or if it would not stand out by `contrast`.

    style: "plain", "outlined" (a rim of the other brightness) or "boxed" (on an even box). cut: at an edge of the picture,
    which takes a part of it away, as where a picture was cropped; at least half a capital's height is left.
    """
    height, width = canvas.pixels.shape
    longest = int((height if turns % 2 else width) / max(1.0, 0.8 * cap_height))
    words = words if words is not None else draw_words(rng, longest=longest)
    ink, rim = text_mask(words, font, smooth=smooth, outline=int(style == "outlined"), turns=turns)
    if not ink.size or (not cut and (ink.shape[0] >= height or ink.shape[1] >= width)):
        return None
    for _ in range(8):
        if cut:
            x, y, part = _cut_place(rng, ink.shape, (height, width), least=cap_height // 2 + 1)
            shown, rim_shown = ink[part], rim[part]
        else:
            x, y = _place(rng, width - ink.shape[1]), _place(rng, height - ink.shape[0])
            shown, rim_shown = ink, rim
        high, wide = shown.shape
        box = (x, y, x + wide, y + high)
        if not canvas.free(box, margin=max(2, cap_height // 3)):
            continue
        behind = canvas.pixels[y : y + high, x : x + wide]
        if style == "boxed":
            grown = np.s_[max(0, y - 2) : y + high + 2, max(0, x - 2) : x + wide + 2]
            canvas.pixels[grown] = rng.choice([0.0, 0.0, 1.0, rng.random()])
        value = ink_value(rng, behind, contrast=contrast)
        if value is None or (style != "boxed" and contrast < 2 * behind.std()):
            continue
        if style == "outlined":
            behind += rim_shown * ((0.0 if value > 0.5 else 1.0) - behind)
        behind += shown * (value - behind)
        canvas.text[y : y + high, x : x + wide] = True
        planted = Planted(kind="text", box=box, cap_height=cap_height, contrast=contrast, words=words)
        canvas.planted.append(planted)
        return planted
    return None


def _place(rng: np.random.Generator, room: int) -> int:
    """Where along an edge: anywhere, or near one of its ends."""
    near = int(rng.integers(0, max(1, min(room, 12)) + 1))
    places = (int(rng.integers(0, room + 1)), near, room - min(near, room))
    return int(rng.choice(places, p=[0.7, 0.15, 0.15]))


def _cut_place(
    rng: np.random.Generator, size: tuple[int, ...], room: tuple[int, int], *, least: int
) -> tuple[int, int, tuple[slice, slice]]:
    """x and y of what is left of a text at one or two edges, and which part of it that is."""
    starts, parts = [], []
    edge = int(rng.integers(3))  # rows, columns, both
    for axis in (0, 1):
        length, whole = size[axis], room[axis]
        if edge in (axis, 2) and length > least:
            kept = int(rng.integers(least, length))
            kept = min(kept, whole)
            first = bool(rng.random() < 0.6)
            starts.append(0 if first else whole - kept)
            parts.append(slice(length - kept, length) if first else slice(0, kept))
        else:
            kept = min(length, whole)
            starts.append(_place(rng, whole - kept))
            parts.append(slice(0, kept))
    return starts[1], starts[0], (parts[0], parts[1])


def plant_mark(canvas: Canvas, rng: np.random.Generator, *, contrast: float, kind: str | None = None) -> Planted | None:
    """Put a caliper, a dotted line, an arrow, a ruler or a small sign at a free place; None if there is none."""
    kind = kind or str(rng.choice([*SIGNS]))
    ink = SIGNS[kind](rng)
    rows, columns = (np.flatnonzero((ink > 0.3).any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    (high, wide), (height, width) = ink.shape, canvas.pixels.shape
    if high >= height or wide >= width:
        return None
    for _ in range(8):
        x, y = _place(rng, width - wide), _place(rng, height - high)
        box = (x, y, x + wide, y + high)
        if not canvas.free(box):
            continue
        behind = canvas.pixels[y : y + high, x : x + wide]
        near = behind[ink > 0.3]
        value = ink_value(rng, near, contrast=contrast)
        if value is None or contrast < 2.5 * near.std():
            continue
        if rng.random() < 0.35:
            behind += grown(ink, 1) * ((0.0 if value > 0.5 else 1.0) - behind)
        behind += ink * (value - behind)
        canvas.mark[y : y + high, x : x + wide] |= covered(ink)
        planted = Planted(kind=kind, box=box, cap_height=float(max(high, wide)), contrast=contrast)
        canvas.planted.append(planted)
        return planted
    return None
