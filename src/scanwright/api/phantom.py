"""The verb `phantom`: a cohort of generated scans with known truth, with faults planted in it if asked for.

planted.json in the folder says what was planted where, and which findings should tell of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanwright.dataset.phantom.bodies import Part
from scanwright.dataset.phantom.cohort import write_cohort
from scanwright.dataset.phantom.example import Modality
from scanwright.dataset.phantom.faults import Planted
from scanwright.dataset.phantom.layout import Format, Task, require_possible, write_examples
from scanwright.dataset.phantom.plant import plant_in, require_known
from scanwright.errors import UsageError
from scanwright.files import read_json, write_json
from scanwright.protocols import Listener, Progress, silent

PLANTED = "planted.json"


@dataclass(frozen=True, slots=True)
class PhantomCohort:
    """What was drawn: where, how many cases of how many patients, and the faults planted, as planted.json has them."""

    folder: Path
    cases: int
    patients: int
    planted: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "folder": str(self.folder),
            "cases": self.cases,
            "patients": self.patients,
            "planted": list(self.planted),
        }

    def lines(self) -> list[str]:
        """The same for people."""
        planted = [f"planted  {one['fault']} in {', '.join(one['cases'])}: {one['found']}" for one in self.planted]
        return [f"data     {self.folder}: {self.cases} cases of {self.patients} patients", *planted]


def make_phantom_cohort(
    out: str | Path,
    *,
    modality: Modality = "mr",
    task: Task = "segmentation",
    format: Format | None = None,
    subjects: int = 24,
    seed: int = 0,
    faults: Sequence[str] = (),
    part: Part = "abdomen",
    tell: Listener = silent,
) -> PhantomCohort:
    """Draw a cohort into a folder, and plant faults in it, in the order given. The same command goes on where it stopped.

    format: nifti for MR and CT, png for X-ray and ultrasound, if not given. faults: names in `plant.KINDS` and `faults.FAULTS`.
    part: of the body: abdomen; or chest or head, in volumes with label maps, without faults.
    Raises UsageError for a combination or fault that is impossible (nothing is written then, but where only the written cohort
    tells), and for a folder that holds anything else; InputError if the cohort is too small for a fault.
    """
    folder = Path(out).absolute()
    chosen = require_possible(modality=modality, task=task, format=format, subjects=subjects)
    if part != "abdomen":
        require_drawn(part, modality=modality, task=task, format=chosen, faults=faults)
        scans = write_cohort(
            folder, modality="ct" if modality == "ct" else "mr", subjects=subjects, seed=seed, part=part
        )
        return PhantomCohort(folder, len(scans), len({scan.patient for scan in scans}), ())
    for fault in faults:
        require_known(fault)
    settings = {"modality": modality, "task": task, "format": chosen, "subjects": subjects, "seed": seed}
    asked = {**settings, "faults": list(faults)}
    before = read_json(folder / PLANTED) if (folder / PLANTED).is_file() else None
    if before is not None:
        return _as_it_is(folder, before, asked)
    tell(Progress("phantom", note=f"drawing {subjects} subjects"))
    scans = write_examples(folder, modality=modality, task=task, format=chosen, subjects=subjects, seed=seed)
    patients = len({scan.patient for scan in scans})
    state: dict[str, Any] = {"asked": asked, "cases": len(scans), "patients": patients}
    if not faults:
        return PhantomCohort(folder, len(scans), patients, ())
    write_json(folder / PLANTED, {**state, "whole": False, "planted": []})
    planted = tuple(_plain(plant_in(folder, fault, seed=seed), folder) for fault in faults)
    write_json(folder / PLANTED, {**state, "whole": True, "planted": list(planted)})
    return PhantomCohort(folder, len(scans), patients, planted)


def require_drawn(part: Part, *, modality: Modality, task: Task, format: Format, faults: Sequence[str]) -> None:
    """Raises UsageError for what there is of the abdomen alone."""
    if modality not in ("mr", "ct") or task != "segmentation" or format != "nifti" or faults:
        raise UsageError(
            "chest and head are drawn as NIfTI volumes with label maps, without faults",
            where=f"--part {part}",
            expected="--modality mr or ct, --task segmentation, --format nifti",
            found=", ".join((modality, task, format, *faults)),
        )


def _as_it_is(folder: Path, before: dict[str, Any], asked: dict[str, Any]) -> PhantomCohort:
    """What an earlier call left: the same again, or an error, since what was planted cannot be taken back."""
    if before["asked"] != asked or not before["whole"]:
        cut = "one in which planting was cut short" if before["asked"] == asked else "another cohort with faults"
        raise UsageError(
            "faults were planted in this folder before", where=folder, found=cut, hint="Choose another folder."
        )
    return PhantomCohort(folder, before["cases"], before["patients"], tuple(before["planted"]))


def _plain(planted: Planted, folder: Path) -> dict[str, Any]:
    """A planted fault as JSON, its files relative to the folder."""
    files = planted.files or (planted.file,)
    return {
        "fault": planted.fault,
        "cases": list(planted.cases or (planted.case,)),
        "files": [str(file.relative_to(folder)) for file in files],
        "found": planted.found,
        "codes": list(planted.codes),
    }
