"""predictions.json: what `predict` answered into a folder, and which files there are its own, by name and by content.

Nothing else there is ever overwritten or removed: neither what somebody put there, nor what somebody changed. A row for each
case; `written` has the SHA-256 of each file of its answer, `images_sha256` is that of its images. While an answer is being
written its row has the names that may come (`begun`): a process that is killed leaves such a row, of one case.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from os.path import lexists, realpath
from pathlib import Path
from typing import Any

from scanwright.api.claims import ELSEWHERE, RECORD, listed
from scanwright.dataset.cases import Case
from scanwright.errors import InputError, UsageError
from scanwright.files import read_json, sha256_file, write_json
from scanwright.io.source import ArrayItem, Source, files_of, place_of

BEGUN, WRITTEN, OF_IMAGES = "begun", "written", "images_sha256"


class Answers:
    """The record of one folder; one process at a time may have it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / RECORD
        self.rows: dict[str, dict[str, Any]] = {}
        if self.file.exists():
            found = read_json(self.file)
            if not isinstance(found, dict) or found.get("written_by") != "scanwright predict":
                raise UsageError("this folder holds somebody else's predictions", where=self.file, hint=ELSEWHERE)
            self.rows = _sound_rows(found.get("predictions"), self.file)
        self._owners = {name: case for case, row in self.rows.items() for name in row.get(WRITTEN, ())}
        self._hashes: dict[Path, str] = {}

    def claim(self, targets: Mapping[Path, Case], *, beside: Sequence[str] = ()) -> None:
        """See that all answers may be written; nothing is written yet. Raises UsageError if a file is there that is not of the
        case's own row, or was changed since, or if the row is of another scan.

        beside: what the names of further files end in that may be written with each answer, behind the case's own.
        """
        every = {case.id: _names(file, case, beside) for file, case in targets.items()}
        if any(RECORD in names for names in every.values()):
            raise UsageError(
                "an answer would be called as the record of all", where=self.file, hint="Rename that scan."
            )
        pages = {case.id + end for case in targets.values() for end in beside}
        self._refuse({file.name for file in targets} & pages, "two files of one name would be written")
        taken = {name for case, names in every.items() for name in self._not_ours(case, names)}
        others = taken & self._owners.keys()
        self._refuse(taken - others, "files of these names are there already, and predict did not write them")
        self._refuse(others, "files of these names belong to other answers in this folder")
        changed = [name for case in every for name in self._changed(case)]
        self._refuse(changed, "these answers were changed since predict wrote them, and would be overwritten")
        other = [case.id for case in targets.values() if self._is_of_another_scan(case)]
        self._refuse(other, "this folder has the answer to another scan of this name")

    def _refuse(self, names: Sequence[str] | set[str], message: str) -> None:
        if names:
            hint = f"{ELSEWHERE} Or move them away first."
            raise UsageError(message, where=self.folder, found=listed(sorted(names)), hint=hint)

    def begin(self, file: Path, case: Case, *, beside: Sequence[str] = ()) -> None:
        """There is an answer, to be written now: what an earlier one left goes, or another model's page would stand beside it.

        beside: as of `claim`. Raises InputError if files have come since that are not ours.
        """
        names, earlier = _names(file, case, beside), self.rows.get(case.id, {})
        if foreign := {*self._not_ours(case.id, names), *self._changed(case.id)}:
            raise InputError(
                "files that predict did not write came to lie where the answer goes",
                where=self.folder,
                found=listed(sorted(foreign)),
            )
        begun = {"case": case.id, BEGUN: sorted({*names, *earlier.get(BEGUN, ())})}
        own = self._own(case.id)
        self._put(case.id, {**begun, WRITTEN: earlier.get(WRITTEN, {})})  # killed from here on, all of it is still ours
        for name in own:
            (self.folder / name).unlink(missing_ok=True)
        if own:
            self._put(case.id, begun)

    def leave(self, case: Case) -> None:
        """An answer that was not written to its end: what there is of it goes. One that was not begun stays as it was."""
        row = self.rows.get(case.id, {})
        if BEGUN in row:
            for name in self._own(case.id):
                (self.folder / name).unlink(missing_ok=True)
            self._put(case.id, None)

    def note(self, case: Case, row: Mapping[str, Any], files: Sequence[Path]) -> None:
        """Put down what was found in a case. files: of its answer, those that are there."""
        written = {file.name: sha256_file(file) for file in files}
        assert written.keys() <= set(self.rows[case.id][BEGUN]), "begin() has said what may come"
        self._put(case.id, {**row, OF_IMAGES: self._hash_of(case.images), WRITTEN: written})

    def _put(self, case: str, row: dict[str, Any] | None) -> None:
        """Change a row, or take it away, and write the record."""
        for name in self.rows.pop(case, {}).get(WRITTEN, ()):
            self._owners.pop(name, None)
        if row is not None:
            self.rows[case] = row
            self._owners |= dict.fromkeys(row.get(WRITTEN, ()), case)
        write_json(self.file, {"written_by": "scanwright predict", "predictions": self.rows})

    def _own(self, case: str) -> set[str]:
        """The names of files that are a case's, or may be: never what another row has written."""
        row = self.rows.get(case, {})
        return {name for name in (*row.get(WRITTEN, ()), *row.get(BEGUN, ())) if self._owners.get(name, case) == case}

    def _not_ours(self, case: str, names: Sequence[str]) -> Iterator[str]:
        """Names under which there is something that is not of the case's row; links to nothing too."""
        own = self._own(case)
        yield from (name for name in names if name not in own and lexists(self.folder / name))

    def _changed(self, case: str) -> Iterator[str]:
        """Files of an answer that are no longer what was written."""
        row = self.rows.get(case, {})
        for name, digest in row.get(WRITTEN, {}).items():
            file = self.folder / name
            if name not in row.get(BEGUN, ()) and file.is_file() and sha256_file(file) != digest:
                yield name

    def _is_of_another_scan(self, case: Case) -> bool:
        """Whether a row is of images that lie elsewhere and differ. What was moved, or made anew in its place, is the same."""
        row = self.rows.get(case.id, {})
        if OF_IMAGES not in row or [realpath(one) for one in row["images"]] == [
            realpath(place_of(i)) for i in case.images
        ]:
            return False
        try:
            return bool(row[OF_IMAGES] != self._hash_of(case.images))
        except OSError:
            return False  # the reader will say what is wrong with it

    def _hash_of(self, images: Sequence[Source]) -> str:
        """SHA-256 of the files of images in their order; of a DICOM series the order of its files says nothing."""
        digest = hashlib.sha256()
        for image in images:
            for file in files_of(image):
                if file not in self._hashes:
                    self._hashes[file] = sha256_file(file)
            item = f"{image.key}:{image.index}" if isinstance(image, ArrayItem) else ""
            digest.update("".join([*sorted(self._hashes[file] for file in files_of(image)), item, "\n"]).encode())
        return digest.hexdigest()


def _names(file: Path, case: Case, beside: Sequence[str]) -> tuple[str, ...]:
    """The names of all files that may be written for a case."""
    return (file.name, *(case.id + end for end in beside))


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
    """Whether a row is of its case, and has names of files in this folder, and hashes, where it has such."""
    if not isinstance(row, dict) or row.get("case") != case:
        return False
    begun, written, images = row.get(BEGUN, []), row.get(WRITTEN, {}), row.get("images", [])
    if not (isinstance(begun, list) and isinstance(written, dict) and isinstance(images, list)):
        return False
    names = [*begun, *written]
    texts = [*names, *written.values(), *images, row.get(OF_IMAGES, "")]
    return all(isinstance(text, str) for text in texts) and all(Path(name).name == name for name in names)
