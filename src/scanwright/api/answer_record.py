"""predictions.json: what `predict` answered into a folder, and which files there are its own, by name and by content.

Nothing else there is ever overwritten or removed: neither what somebody put there, nor what somebody changed. A row for each
case; `written` has the SHA-256 of each file of its answer, `images_sha256` is that of its images. An answer is written whole
into a folder of its own, then what it takes the place of is put down there, then its files take their places, then it gets its
row. Stopped in between, it is finished at once; killed, by the next command that opens the record.
"""

import hashlib
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from os.path import lexists
from pathlib import Path
from typing import Any

from scanwright.api.case.answered_case import LEARNED
from scanwright.api.claims import ELSEWHERE, RECORD, listed
from scanwright.dataset.cases import Case
from scanwright.errors import InputError, UsageError
from scanwright.files import as_resource_error, read_json, sha256_file, write_json
from scanwright.io.source import ArrayItem, Source, files_of, place_of

WRITTEN, OF_IMAGES = "written", "images_sha256"
STAGE, TURN = ".scanwright-answering", ".turn.json"
"""The folder in which an answer is written before it takes its place; in it, once it is whole, its row and what it replaces."""

Stamp = tuple[Path, int, int]
"""A file, when it was changed, and its size: what tells at once that it is no longer the same."""
Hashed = dict[Stamp, str]
"""SHA-256 of files that were read before."""


class Answers:
    """The record of one folder; one process at a time may have it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / RECORD
        self.rows: dict[str, dict[str, Any]] = {}
        if lexists(self.file):
            found = read_json(self.file) if self.file.is_file() else None
            if not isinstance(found, dict) or found.get("written_by") != "scanwright predict":
                raise UsageError("this folder holds somebody else's predictions", where=self.file, hint=ELSEWHERE)
            self.rows = _sound_rows(found.get("predictions"), self.file)
        self._owners = {name: case for case, row in self.rows.items() for name in row.get(WRITTEN, ())}
        self._hashed: Hashed = {}
        self._stamps: list[Stamp] = []

    def claim(self, targets: Mapping[Path, Case], *, beside: Sequence[str] = ()) -> None:
        """See that all answers may be written; nothing is written yet. Raises UsageError if a file is there that is not of the
        case's own row, or was changed since, or if the row is of another scan.

        beside: what the names of further files end in that may be written with each answer, behind the case's own.
        """
        every = {case.id: (file.name, *(case.id + end for end in beside)) for file, case in targets.items()}
        if any(RECORD in names for names in every.values()):
            raise UsageError(
                "an answer would be called as the record of all", where=self.file, hint="Rename that scan."
            )
        pages = {case.id + end for case in targets.values() for end in beside}
        self._refuse({file.name for file in targets} & pages, "two files of one name would be written")
        taken = {name for case, names in every.items() for name in self._taken(case, names)}
        others = taken & self._owners.keys()
        self._refuse(taken - others, "files of these names are there already, and predict did not write them")
        self._refuse(others, "files of these names belong to other answers in this folder")
        changed = {name for case in every for name in self._changed(case)}
        self._refuse(changed, "these answers were changed since predict wrote them, and would be overwritten")
        other = {
            case.id for case in targets.values() if _is_of(self.rows.get(case.id, {}), case, self._hashed) is False
        }
        self._refuse(other, "this folder has the answer to another scan of this name")

    def _refuse(self, names: set[str], message: str) -> None:
        if names:
            hint = f"{ELSEWHERE} Or move them away first."
            raise UsageError(message, where=self.folder, found=listed(sorted(names)), hint=hint)

    @contextmanager
    def stage(self, case: Case) -> Iterator[Path]:
        """An empty folder for the files of the answer to a case, before `put`; at its end it goes."""
        self.finish()
        self._stamps = _stamps(case.images)
        with as_resource_error(self._stage):
            self._stage.mkdir()
        try:
            yield self._stage
        finally:
            self.finish()  # whatever stopped `put`: whole, or nothing

    @property
    def _stage(self) -> Path:
        return self.folder / STAGE

    def put(self, case: Case, row: Mapping[str, Any], staged: Sequence[Path]) -> None:
        """Put down what was found in a case, and its files into their places; all that an earlier answer left goes, or another
        model's page would stand beside it.

        Raises InputError if files that are not ours came to lie there since `claim`, or the images have changed since `stage`:
        all stays as it was.
        """
        if not self._stamps or _stamps(case.images) != self._stamps:
            raise InputError(
                "the scan changed while it was answered", where=place_of(case.images[0]), hint="Answer it again."
            )
        if foreign := {*self._taken(case.id, [file.name for file in staged]), *self._changed(case.id)}:
            raise InputError(
                "files that predict did not write came to lie where the answer goes",
                where=self.folder,
                found=listed(sorted(foreign)),
            )
        written = {file.name: sha256_file(file) for file in staged}
        done = {**row, OF_IMAGES: hash_of_images(case.images, self._hashed), WRITTEN: written}
        earlier = self.rows.get(case.id, {}).get(WRITTEN, {})
        write_json(self._stage / TURN, {"row": done, "earlier": earlier})
        self.finish()

    def sweep(self) -> None:
        """Finish, and remove, what a command that was killed has left. Once a command: the folder may be large."""
        for part in self.folder.glob(f".{RECORD}.*.part"):
            part.unlink(missing_ok=True)
        self.finish()

    def finish(self) -> None:
        """Bring an answer that is whole to its place, if one was stopped on the way there, and remove what was not whole.

        What somebody put in its way, or changed, since then, is theirs, and stays; if nothing was moved yet, so does the
        earlier answer. Raises UsageError if something else has the name of the folder in which answers are written.
        """
        if lexists(self._stage) and (self._stage.is_symlink() or not self._stage.is_dir()):
            raise UsageError("answers are written in a folder of this name", where=self._stage, hint="Move it away.")
        turn = self._stage / TURN
        if turn.exists():
            found = read_json(turn)
            self._bring(found["row"], found["earlier"])
        if self._stage.exists():
            shutil.rmtree(self._stage)

    def _bring(self, row: dict[str, Any], earlier: Mapping[str, str]) -> None:
        """Move what is staged of a row, remove what else there was earlier, and write the row; nothing, if something in the way
        is not ours and no step was taken yet. earlier: hashes of the answer that it replaces.
        """
        written, places = row[WRITTEN], {name: self.folder / name for name in (*earlier, *row[WRITTEN])}
        gone = earlier.keys() - written.keys()
        ours = {
            name
            for name, place in places.items()
            if not lexists(place) or _is_file(place, {earlier.get(name), written.get(name)})
        }
        begun = any(not lexists(places[name]) for name in gone) or not all(
            (self._stage / name).exists() for name in written
        )
        if len(ours) < len(places) and not begun:
            return
        for name in gone & ours:
            places[name].unlink(missing_ok=True)
        for name in written.keys() & ours:
            if (self._stage / name).exists():
                (self._stage / name).replace(places[name])
        self._write(row["case"], {**row, WRITTEN: {name: written[name] for name in written if name in ours}})

    def _write(self, case: str, row: dict[str, Any]) -> None:
        """Write the record with another row; what is known of it here changes once it is written."""
        rows = {**self.rows, case: row}
        write_json(self.file, {"written_by": "scanwright predict", "predictions": rows})
        for name in self.rows.get(case, {}).get(WRITTEN, ()):
            self._owners.pop(name, None)
        self.rows = rows
        self._owners |= dict.fromkeys(row[WRITTEN], case)

    def _taken(self, case: str, names: Sequence[str]) -> Iterator[str]:
        """Names under which there is something that is not of the case's row; links to nothing too."""
        yield from (name for name in names if self._owners.get(name) != case and lexists(self.folder / name))

    def _changed(self, case: str) -> Iterator[str]:
        """Names of an answer under which there is something else than what was written."""
        for name, digest in self.rows.get(case, {}).get(WRITTEN, {}).items():
            if lexists(self.folder / name) and not _is_file(self.folder / name, {digest}):
                yield name


def is_answered_into(folder: Path) -> bool:
    """Whether `predict` has begun to answer into a folder."""
    return (folder / RECORD).exists() or (folder / STAGE).exists()


def learned_from(folder: Path, cases: Iterable[Case]) -> list[str]:
    """The names of cases of which `predict` noted in a folder that the model has learned from them: of these very images.

    Raises UsageError if an answer there was stopped on the way to its place; whatever else is wrong with a record says nothing.
    """
    if (folder / STAGE / TURN).exists():
        raise UsageError(
            "an answer in this folder was not brought to its place: predict was killed",
            where=folder,
            hint="Answer any scan into it again with predict, which finishes that.",
        )
    try:
        rows = Answers(folder).rows
    except (UsageError, InputError):
        return []
    noted = {name: row for name, row in rows.items() if str(LEARNED) in row.get("notes", ())}
    known: Hashed = {}
    return [case.id for case in cases if _is_of(noted.get(case.id, {}), case, known)]


def _is_of(row: Mapping[str, Any], case: Case, known: Hashed) -> bool | None:
    """Whether a row is of a case's images, by their content: where they lie says nothing. None where it does not say, or they
    cannot be read.
    """
    try:
        return bool(row[OF_IMAGES] == hash_of_images(case.images, known)) if OF_IMAGES in row else None
    except OSError:
        return None  # the reader will say what is wrong with them


def hash_of_images(images: Sequence[Source], known: Hashed) -> str:
    """SHA-256 of the files of images in their order; of a DICOM series the order of its files says nothing. known: of files
    that were read before, to which those read now are added. Raises OSError for files that cannot be read.
    """
    digest = hashlib.sha256()
    for image in images:
        hashes = []
        for file in files_of(image):
            stamp = _stamp(file)
            if stamp not in known:
                known[stamp] = sha256_file(file)
            hashes.append(known[stamp])
        item = f"{image.key}:{image.index}" if isinstance(image, ArrayItem) else ""
        digest.update("".join([*sorted(hashes), item, "\n"]).encode())
    return digest.hexdigest()


def _stamp(file: Path) -> Stamp:
    about = file.stat()
    return file, about.st_mtime_ns, about.st_size


def _stamps(images: Sequence[Source]) -> list[Stamp]:
    """Of all files of images; [] if some are not there."""
    try:
        return [_stamp(file) for image in images for file in files_of(image)]
    except OSError:
        return []


def _is_file(file: Path, digests: Collection[str | None]) -> bool:
    """Whether a file, no link to one, has one of these SHA-256."""
    return file.is_file() and not file.is_symlink() and sha256_file(file) in digests


def _sound_rows(rows: Any, file: Path) -> dict[str, dict[str, Any]]:
    """The rows of a record, as far as they decide what is ours. Raises UsageError if they are not as `predict` writes them:
    changed by hand or by a program, they say nothing that can be relied on.
    """
    odd = (
        [name for name, row in rows.items() if not _is_sound(name, row)] if isinstance(rows, dict) else ["predictions"]
    )
    if odd:
        raise UsageError(
            "this record of predictions is damaged",
            where=file,
            found=f"not as predict writes it: {listed(odd)}",
            hint=f"Restore it, or move it away with the answers that it names. {ELSEWHERE}",
        )
    return dict(rows)


def _is_sound(case: str, row: Any) -> bool:
    """Whether a row is of its case, and has hashes of files in this folder where it has such."""
    if not isinstance(row, dict) or row.get("case") != case or not isinstance(row.get(WRITTEN, {}), dict):
        return False
    texts = [row.get(OF_IMAGES, ""), *row.get(WRITTEN, {}).values()]
    return all(isinstance(text, str) for text in texts) and all(
        Path(name).name == name for name in row.get(WRITTEN, ())
    )
