"""The Brain Imaging Data Structure: a folder for each participant, names made of entities, dataset_description.json on top.

    sub-01/[ses-1/]anat/sub-01[_ses-1][_acq-…][_run-1]_T1w.nii.gz                 images; also dwi, func, pet, perf …
    derivatives/PIPELINE/sub-01/[ses-1/]anat/sub-01[_ses-1]…_mask.nii.gz          labels: dseg, else mask (label-lesion_mask)
    participants.tsv                                                              groups; targets ("target" in scanwright.json)

A case is a session. Its channels are the suffixes (T1w, FLAIR …; acq-fast_T1w where entities tell two apart) that every
session has, or those that scanwright.json declares; of repeated runs the first is taken. What has a time axis (bold, dwi) is a
channel only if it is declared. Labels stand for a session's images whatever else their names say, one file a session; in
scanwright.json {"layout": "bids", "label_folder": "derivatives/PIPELINE"} chooses among pipelines.
Source: BIDS 1.8, sections "File name structure", "Participants file", "Imaging files", "Derivatives: segmentations".
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanwright.dataset.cases import Case, Dataset, Fault
from scanwright.dataset.declare import FILE_NAME as DECLARATION
from scanwright.dataset.declare import Declaration, make_task
from scanwright.dataset.infer import SOURCE, infer_channels, infer_regions
from scanwright.dataset.layouts.bids_participants import groups_of_participants
from scanwright.dataset.layouts.column_targets import from_tables, is_asked_for
from scanwright.dataset.layouts.delimited import read_table
from scanwright.dataset.layouts.listing import folders_in, images_in, tables_in
from scanwright.dataset.layouts.pairing import Found, common_channels, left_out, make_cases
from scanwright.dataset.task import Channel, Region
from scanwright.errors import InputError, ScanwrightError
from scanwright.files import read_json
from scanwright.io.formats import read_grid, stem

NAME = "bids"
LOOKED_FOR = "dataset_description.json with BIDSVersion, and folders sub-…"

DESCRIPTION, PARTICIPANTS, DERIVATIVES = "dataset_description.json", "participants.tsv", "derivatives"
LABEL_SUFFIXES = ("dseg", "mask")  # a map of several values says more than one structure's mask
NO_IMAGES = (*LABEL_SUFFIXES, "probseg", "sbref", "defacemask")
OF_THE_CASE = ("sub", "ses", "run")

OWN_SPACES = ("orig", "individual", "native", "t1w", "t2w", "flair", "dwi", "bold", "pet")
PATIENTS_FROM = "folders sub-…"

Session = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A file whose name is made of entities. suffix: what comes last, such as T1w."""

    path: Path
    entities: dict[str, str]
    suffix: str

    @property
    def session(self) -> Session:
        """(participant, session), "" for none."""
        return self.entities["sub"], self.entities.get("ses", "")

    @property
    def channel(self) -> str:
        """The suffix, after the entities that are not the case's: T1w, acq-fast_T1w."""
        rest = [f"{key}-{value}" for key, value in self.entities.items() if key not in OF_THE_CASE]
        return "_".join([*rest, self.suffix])

    @property
    def run(self) -> int:
        """The number of the run; 0 where there is none."""
        digits = re.sub(r"\D", "", self.entities.get("run", ""))
        return int(digits or 0)


def detect(root: Path) -> str | None:
    """Why the folder is BIDS: its description says so, and there are participants."""
    if not root.is_dir() or not (root / DESCRIPTION).is_file():
        return None
    try:
        description = read_json(root / DESCRIPTION)
    except InputError:
        return None
    participants = _participants(root)
    if not isinstance(description, dict) or "BIDSVersion" not in description or not participants:
        return None
    return f"{DESCRIPTION} of BIDS {description['BIDSVersion']}, {len(participants)} participants"


def read(root: Path, declared: Declaration) -> Dataset:
    """Read the folder. Raises InputError if it has no images, or neither labels nor a declared target."""
    found, notes = _images(root)
    if not found:
        raise InputError("no image in any participant's folder", where=root, expected="sub-01/anat/sub-01_T1w.nii.gz")
    keys = _keys(list(found.values()), declared)
    notes += _unused(list(found.values()), keys)
    labels = {} if is_asked_for(declared) else _labels(root, declared)
    for session in labels.keys() & found.keys():
        found[session].labels += [label.path for label in labels[session]]
    cases, faults = make_cases({_case_name(session): parts for session, parts in found.items()}, channels=keys)
    patients = {_case_name(session): f"sub-{session[0]}" for session in found}
    groups, unusable = groups_of_participants(root / PARTICIPANTS)
    cases = [
        case.model_copy(update={"patient": patients[case.id], "groups": groups.get(patients[case.id], {})})
        for case in cases
    ]
    faults = [*notes, *unusable, *(fault for fault in faults if fault.code != "unused-channel")]
    if is_asked_for(declared):
        return _of_targets(root, declared, keys, cases, faults)
    return _of_labels(root, declared, keys, cases, faults, labels=[label for some in labels.values() for label in some])


def _of_targets(
    root: Path, declared: Declaration, keys: Sequence[str], cases: Sequence[Case], faults: Sequence[Fault]
) -> Dataset:
    """The data set of what a table says of each participant."""
    found = from_tables(cases, declared, tables=tables_in(root), where=root)
    return Dataset(
        root=root,
        layout=NAME,
        stated=f"BIDS folder, targets from {found.stated}",
        task=found.task(declared, name=root.name, channels=_channels(root, declared, keys, cases), where=root),
        cases=found.cases,
        faults=(*(fault for fault in faults if fault.code != "missing-label"), *found.faults),
        patients_from=PATIENTS_FROM,
    )


def _of_labels(
    root: Path,
    declared: Declaration,
    keys: Sequence[str],
    cases: Sequence[Case],
    faults: Sequence[Fault],
    *,
    labels: Sequence["Named"],
) -> Dataset:
    """The data set of the label maps."""
    if not any(case.label for case in cases):
        raise InputError(
            "neither labels nor a target",
            where=root,
            expected=f"{DERIVATIVES}/PIPELINE/sub-…_dseg.nii.gz (or mask), or a column of {PARTICIPANTS}",
            found="no label of any image",
            hint=f'Name the column in {DECLARATION}: {{"kind": "classification", "target": "…"}}.',
        )
    regions, source = _regions(root, cases, labels) if declared.regions is None else ((), SOURCE)
    channels = _channels(root, declared, keys, cases)
    task = make_task(declared, name=root.name, channels=channels, regions=regions, source=source, where=root)
    return Dataset(
        root=root,
        layout=NAME,
        stated=f"BIDS folder, labels {labels[0].suffix} from {labels[0].path.relative_to(root).parts[0]}/",
        task=task,
        cases=tuple(cases),
        faults=tuple(faults),
        patients_from=PATIENTS_FROM,
    )


def _participants(root: Path) -> list[Path]:
    return [folder for folder in folders_in(root) if folder.name.startswith("sub-")]


def _case_name(session: Session) -> str:
    """What a session's case is called: sub-01, or sub-01_ses-1."""
    return f"sub-{session[0]}" + (f"_ses-{session[1]}" if session[1] else "")


def _files_below(root: Path) -> Iterator[Path]:
    """Image files of all participants: in the folders of their modalities, perhaps below one for each session."""
    for participant in _participants(root):
        visits = [folder for folder in folders_in(participant) if folder.name.startswith("ses-")] or [participant]
        for visit in visits:
            for folder in (visit, *folders_in(visit)):
                yield from images_in(folder)


def parsed(path: Path) -> Named | None:
    """A file by the entities in its name; None if it names no participant or has no suffix.

    >>> parsed(Path("sub-01_ses-2_acq-fast_T1w.nii.gz")).channel
    'acq-fast_T1w'
    """
    *pairs, suffix = stem(path).split("_")
    entities = dict(pair.split("-", 1) for pair in pairs if "-" in pair)
    if "sub" not in entities or len(entities) < len(pairs) or "-" in suffix or not suffix:
        return None
    return Named(path=path, entities=entities, suffix=suffix)


def _images(root: Path) -> tuple[dict[Session, Found], list[Fault]]:
    """Images by session and channel; notes on further runs and on files whose names say nothing."""
    found: dict[Session, Found] = defaultdict(Found)
    runs: dict[tuple[Session, str], int] = {}
    further: list[Path] = []
    strange: list[Path] = []
    named = [(path, parsed(path)) for path in _files_below(root)]
    for path, one in sorted(named, key=lambda pair: (pair[1].run if pair[1] else 0, pair[0])):
        if one is None:
            strange.append(path)
        elif one.suffix not in NO_IMAGES:
            first = runs.setdefault((one.session, one.channel), one.run)
            if one.run == first:
                found[one.session].add_image(one.channel, path)
            else:
                further.append(path)
    notes = [left_out(further, "repeated runs", action="Of each image the first run is taken.")] if further else []
    if strange:
        action = "Rename them if they belong to the data set."
        notes.append(left_out(strange, "files not called as BIDS does", action=action))
    return found, notes


def _keys(found: Sequence[Found], declared: Declaration) -> list[str]:
    """Channels: those declared, if all of them are there; else what every session has, without those that have a time axis.

    Where no session has what another has, what most of them have; where all have a time axis, all.
    """
    there = {key.lower(): key for parts in found for key in parts.images}
    wanted = [channel.name.lower().replace(" ", "_") for channel in declared.channels or ()]
    if wanted and set(wanted) <= set(there):
        return [there[name] for name in wanted]
    usual = sorted(set.intersection(*(set(parts.images) for parts in found))) or common_channels(found)
    still = [key for key in usual if not _has_time(next(parts.images[key] for parts in found if key in parts.images))]
    return still or usual


def _has_time(path: Path) -> bool:
    """Whether a file has a fourth axis. One that cannot be read is left to the checks."""
    try:
        return read_grid(path, as_channels=True).channels > 1
    except ScanwrightError:
        return False


def _unused(found: Sequence[Found], keys: Sequence[str]) -> list[Fault]:
    """A warning for each kind of image that is no channel."""
    others = sorted({key for parts in found for key in parts.images} - set(keys))
    return [
        Fault(
            code="unused-channel",
            severity="warning",
            file=next(parts.images[key] for parts in found if key in parts.images),
            expected=f"channels {', '.join(keys)}",
            found=f"{key} in {sum(key in parts.images for parts in found)} of {len(found)} sessions",
            action=f"Declare it in {DECLARATION} if the model shall see it.",
        )
        for key in others
    ]


def _channels(root: Path, declared: Declaration, keys: Sequence[str], cases: Sequence[Case]) -> tuple[Channel, ...]:
    names = [key.replace("_", " ") for key in keys]
    return declared.channels or infer_channels([case.images[0] for case in cases], names=names, folder=root.name)


def _labels(root: Path, declared: Declaration) -> dict[Session, list[Named]]:
    """Label files by session, all of the kind that says most: on the image's own grid before a standard space, a map of
    several values before masks, masks of a structure before masks of the brain.
    """
    pipelines = [root / declared.label_folder] if declared.label_folder else folders_in(root / DERIVATIVES)
    files = [one for folder in pipelines for path in _files_below(folder) if (one := parsed(path)) is not None]
    labels = [one for one in files if one.suffix in LABEL_SUFFIXES]
    best = min(map(_rank, labels), default=None)
    found: dict[Session, list[Named]] = defaultdict(list)
    for label in labels:
        if _rank(label) == best:
            found[label.session].append(label)
    return found


def _rank(label: Named) -> tuple[bool, int, bool]:
    is_standard = label.entities.get("space", "orig").lower() not in OWN_SPACES
    return is_standard, LABEL_SUFFIXES.index(label.suffix), label.entities.get("desc") == "brain"


def _regions(root: Path, cases: Sequence[Case], labels: Sequence[Named]) -> tuple[tuple[Region, ...], str]:
    """Regions of the values found, called as the table beside the labels calls them or as their own names do; and whence."""
    regions = infer_regions(case.label for case in cases if case.label is not None)
    structures = {label.entities.get("label", "") for label in labels}
    if len(regions) == 1 and len(structures) == 1 and "" not in structures:
        return (Region(name=structures.pop(), values=regions[0].values),), SOURCE
    folders = dict.fromkeys(
        parent for label in labels[:1] for parent in label.path.parents if parent.is_relative_to(root)
    )
    for path in (path for folder in folders for path in tables_in(folder) if path.stem.endswith("dseg")):
        names = {row["index"]: row["name"] for row in read_table(path).rows if row.get("index") and row.get("name")}
        if all(str(region.values[0]) in names for region in regions):
            named = tuple(Region(name=names[str(region.values[0])], values=region.values) for region in regions)
            return named, path.name
    return regions, SOURCE
