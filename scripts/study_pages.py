"""The pictures of study reports in docs/images, from generated scans: python scripts/study_pages.py WORK [--budget 30m]

Two models, of a chest in CT and of a head in MR, learn from one cohort each and answer a scan of another; the work folder keeps
runs, and the same command goes on where it stopped. Needs the extra `pdf`, poppler-utils (pdftoppm) and a Chinese font
(fonts-noto-cjk). Look at the pages, and at the Dice in their last lines, before they are committed.
"""

import argparse
import subprocess
import sys
from pathlib import Path

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
PARTS = {"chest": "ct", "head": "mr"}
NEW, EARLIER = "p005_b", "p005_a"
"""Every sixth subject of a cohort is scanned twice."""
PAGES = {
    "study_chest_en": ("chest", NEW, "en", ""),
    "study_chest_zh": ("chest", NEW, "zh", EARLIER),
    "study_head_en": ("head", NEW, "en", EARLIER),
}
DOTS_PER_INCH = "90"
MOST_BYTES = 300_000


def run(*words: str | Path) -> None:
    """A command, shown first."""
    sys.stdout.write(f"$ {' '.join(map(str, words))}\n")
    sys.stdout.flush()
    subprocess.run([str(word) for word in words], check=True)  # noqa: S603 - our own arguments, no shell


def scanwright(*words: str | Path) -> None:
    """A command of this package."""
    run(sys.executable, "-m", "scanwright", *words)


def learned(work: Path, part: str, *, budget: str, subjects: int) -> Path:
    """A model of a part of the body; beside its cohort lies another, to be answered."""
    for name, seed, number in ((part, 1, subjects), (f"{part}_new", 2, 6)):
        words = ("--part", part, "--modality", PARTS[part], "--seed", str(seed), "--subjects", str(number))
        scanwright("phantom", "-o", work / name, *words)
    scanwright("train", work / part, "-o", work / f"{part}_run", "--budget", budget, "--folds", "3", "--fold", "0")
    return work / f"{part}_run" / "model.swm"


def page(work: Path, name: str, model: Path) -> None:
    """One report as a picture."""
    part, case, language, prior = PAGES[name]
    scans = work / f"{part}_new" / "imagesTr"
    before = ("--prior", scans / f"{prior}_0000.nii.gz") if prior else ()
    answer = ("-o", work / name, "--report", "--language", language, *before)
    scanwright("predict", model, scans / f"{case}_0000.nii.gz", *answer)
    report = work / name / f"{case}.report.pdf"
    run("pdftoppm", "-r", DOTS_PER_INCH, "-png", "-singlefile", report, IMAGES / name)
    if (size := (IMAGES / f"{name}.png").stat().st_size) > MOST_BYTES:
        sys.exit(f"{name}.png has {size} bytes, expected at most {MOST_BYTES}: lower DOTS_PER_INCH")


def main() -> None:
    """Train what is not trained, answer, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--budget", default="30m", help="for each of the two models")
    parser.add_argument("--subjects", type=int, default=60, help="that each model learns from")
    asked = parser.parse_args()
    models = {part: learned(asked.work, part, budget=asked.budget, subjects=asked.subjects) for part in PARTS}
    for name, (part, *_) in PAGES.items():
        page(asked.work, name, models[part])


if __name__ == "__main__":
    main()
