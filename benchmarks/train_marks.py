"""Train the detector of burned-in text and marks on generated pictures, and write its weights into the package.

    python benchmarks/train_marks.py                       # src/scanwright/gate/marks/marks.safetensors
    python benchmarks/train_marks.py --steps 50 -o t.safetensors

Every picture is a function of (seed, number), so the same command gives the same weights on the same machine and versions.
Fonts are those that matplotlib ships (DejaVu, STIX, Computer Modern); no font of the system and no pixel of a patient.
"""

import argparse
import io
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch
from made_backgrounds import draw_background
from made_marks import Canvas, font_of_height, plant_mark, plant_text
from PIL import Image
from safetensors.torch import save_file
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from scanwright.gate.marks.network import STRIDE, WEIGHTS, MarksNetwork, network_input
from scanwright.runtime import generator
from scanwright.types import Array

SIDE = 192
BATCH = 16
FOLDER = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
LETTERS = ("DejaVuSans", "DejaVuSerif", "STIXGeneral", "cmr", "cmss", "cmtt", "cmb")
FONTS = tuple(
    str(path) for path in sorted(FOLDER.glob("*.ttf")) if path.stem.startswith(LETTERS) and "Display" not in path.stem
)
SANS = tuple(path for path in FONTS if "DejaVuSans" in path or "cmss" in path)


def draw_example(seed: int, number: int) -> tuple[Array, Array]:
    """A picture as the network takes it, (2, SIDE, SIDE), and its truth, (3, SIDE / 4, SIDE / 4).

    Truth: share of each cell that is text or mark, share that is text, and weight (2 for marks, which are small).
    """
    rng = generator(seed, number)
    canvas = Canvas(pixels=np.ascontiguousarray(draw_background(rng, (SIDE, SIDE))))
    if rng.random() < 0.62:
        for _ in range(int(rng.integers(1, 5))):
            put_text(canvas, rng)
    if rng.random() < 0.55:
        for _ in range(int(rng.integers(1, 6))):
            plant_mark(canvas, rng, contrast=draw_contrast(rng))
    pixels = degraded(rng, canvas.pixels)
    either = cells(canvas.text | canvas.mark)
    truth = np.stack([either, cells(canvas.text), np.where(cells(canvas.mark) > 0, 2, 1)])
    return network_input(pixels), truth.astype(np.float32)


def put_text(canvas: Canvas, rng: np.random.Generator) -> None:
    """One to four lines of one font and size, put anywhere."""
    height = int(np.exp(rng.uniform(np.log(6.5), np.log(26)))) if rng.random() < 0.8 else int(rng.integers(26, 76))
    path = str(rng.choice(SANS if rng.random() < 0.65 else FONTS))
    style = str(rng.choice(["plain", "outlined", "boxed"], p=[0.62, 0.25, 0.13]))
    turns = int(rng.choice([0, 1, 3, 2], p=[0.92, 0.03, 0.03, 0.02]))
    words = str(rng.choice(["R", "L", "R", "L", "RT", "AP", "D", "G"])) if height > 20 and rng.random() < 0.5 else None
    plant_text(
        canvas,
        rng,
        font_of_height(path, height),
        cap_height=height,
        contrast=draw_contrast(rng),
        style=style,
        turns=turns,
        smooth=height > 16 or bool(rng.random() < 0.6),
        words=words,
        cut=bool(rng.random() < 0.2),
    )


def draw_contrast(rng: np.random.Generator) -> float:
    """From faint (a tenth of the range) to full."""
    return float(rng.uniform(0.12, 0.95))


def degraded(rng: np.random.Generator, pixels: Array) -> Array:
    """As a picture is after it was saved: blurred a little, resampled, noisy, in 8 bits, as JPEG."""
    if rng.random() < 0.35:
        pixels = gaussian_filter(pixels, rng.uniform(0.2, 0.8))
    if rng.random() < 0.3:
        pixels = resampled(pixels, rng.uniform(0.75, 1.5))
    if rng.random() < 0.3:
        pixels = pixels + rng.normal(0, rng.uniform(0, 0.04), pixels.shape)
    image = Image.fromarray(np.clip(pixels * 255, 0, 255).round().astype(np.uint8))
    if rng.random() < 0.6:
        encoded = io.BytesIO()
        image.save(encoded, format="JPEG", quality=int(rng.integers(35, 96)))
        image = Image.open(encoded)
    return np.asarray(image, np.float32)


def resampled(pixels: Array, factor: float) -> Array:
    """Brought to another size and back: what interpolation does to strokes."""
    image = Image.fromarray(pixels.astype(np.float32))
    size = (round(image.width * factor), round(image.height * factor))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR).resize(image.size, Image.Resampling.BILINEAR))


def cells(mask: Array) -> Array:
    """The share of each cell that is True."""
    shares: Array = mask.reshape(SIDE // STRIDE, STRIDE, SIDE // STRIDE, STRIDE).mean((1, 3))
    return shares


class Examples(Dataset[tuple[Array, Array]]):
    """Examples by number, drawn when asked for."""

    def __init__(self, seed: int, count: int) -> None:
        self.seed, self.count = seed, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> tuple[Array, Array]:
        return draw_example(self.seed, number)


def loss_of(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice of "text or mark", the worst false alarms once more; "text" where either is.

    The worst are the hundredth of all empty cells that are most taken for marks: most cells of a scan are learned in no time,
    what resembles a stroke is rare.
    """
    either, text, weight = truth[:, 0], truth[:, 1], truth[:, 2]
    cross = functional.binary_cross_entropy_with_logits(logits[:, 0], either, weight=weight, reduction="none")
    empty = (cross * (either == 0)).flatten()
    worst = empty.topk(max(1, len(empty) // 100)).values.mean()
    found = torch.sigmoid(logits[:, 0]) * weight
    dice = 1 - (2 * (found * either).sum() + 1) / (found.sum() + (either * weight).sum() + 1)
    share = text / either.clamp(min=1e-6)
    kind = functional.binary_cross_entropy_with_logits(logits[:, 1], share.clamp(0, 1), weight=either)
    return 2 * cross.mean() + 0.1 * worst + 0.5 * dice + 0.5 * kind


def train(*, seed: int, steps: int, rate: float = 3e-3, workers: int = 1) -> MarksNetwork:
    """The network after so many steps of AdamW under one cycle of the learning rate."""
    torch.manual_seed(seed)
    network: MarksNetwork = MarksNetwork(normalized=True).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.15)
    loader = DataLoader(
        Examples(seed, steps * BATCH), BATCH, num_workers=workers, prefetch_factor=4 if workers else None
    )
    began, recent = time.monotonic(), 0.0
    for step, (picture, truth) in enumerate(loader, start=1):
        loss = loss_of(network(picture.contiguous(memory_format=torch.channels_last)), truth)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        recent = loss.item() if step == 1 else 0.98 * recent + 0.02 * loss.item()
        if step % 50 == 0 or step == steps:
            print(f"step {step} of {steps}: loss {recent:.4f}, {time.monotonic() - began:.0f} s", flush=True)
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=WEIGHTS)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--workers", type=int, default=1, help="processes that draw pictures beside the one that learns"
    )
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    plain = train(seed=options.seed, steps=options.steps, workers=options.workers).folded()
    save_file({name: tensor.half().contiguous() for name, tensor in plain.state_dict().items()}, options.output)
    print(f"{options.output}: {options.output.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
