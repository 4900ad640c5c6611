"""The pictures of study reports in docs/images, from generated scans.

    python benchmarks/found_in_regions.py --work WORK
    python scripts/study_pages.py WORK

The first trains two models of regions and findings, of a chest in CT and of a head in MR; the second has them answer scans of
another cohort. Needs the extra `pdf`, poppler-utils (pdftoppm) and a Chinese font (fonts-noto-cjk). Look at the pages, and at
the Dice in their last lines, before they are committed.
"""

import argparse
import subprocess
import sys
from pathlib import Path

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
PARTS = {"chest": "ct", "head": "mr"}
SEED, SUBJECTS = "5", "6"
"""Of the cohorts that are answered: other bodies than those that were learned from, whose seed is 0."""
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


def new_scans(work: Path, part: str) -> Path:
    """The folder with scans of bodies that the model of a part has not seen."""
    made = work / part / "new"
    if not made.exists():
        words = ("--part", part, "--modality", PARTS[part], "--seed", SEED, "--subjects", SUBJECTS)
        scanwright("phantom", "-o", made, *words)
    return made / "imagesTr"


def page(work: Path, name: str) -> None:
    """One report as a picture."""
    part, case, language, prior = PAGES[name]
    scans, model = new_scans(work, part), work / part / "regions" / "model.swm"
    before = ("--prior", scans / f"{prior}_0000.nii.gz") if prior else ()
    answer = ("-o", work / name, "--report", "--language", language, *before)
    scanwright("predict", model, scans / f"{case}_0000.nii.gz", *answer)
    report = work / name / f"{case}.report.pdf"
    run("pdftoppm", "-r", DOTS_PER_INCH, "-png", "-singlefile", report, IMAGES / name)
    if (size := (IMAGES / f"{name}.png").stat().st_size) > MOST_BYTES:
        sys.exit(f"{name}.png has {size} bytes, expected at most {MOST_BYTES}: lower DOTS_PER_INCH")


def main() -> None:
    """Answer, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="the work folder of benchmarks/found_in_regions.py")
    asked = parser.parse_args()
    for name in PAGES:
        page(asked.work, name)


if __name__ == "__main__":
    main()
