"""What may be wrong with a label map that can be read: values that nobody declared, nothing in it, or no place on its image."""

from collections.abc import Mapping

from scanwright.dataset import measures
from scanwright.dataset.cases import Case, Fault
from scanwright.dataset.images import SAME_GRID
from scanwright.dataset.task import Task
from scanwright.geometry.grid import Grid
from scanwright.io.formats import is_picture
from scanwright.io.raster import stored_size
from scanwright.io.source import files_of, place_of


def value_fault(counts: Mapping[int, int], task: Task, case: Case) -> Fault | None:
    """An error for values that nobody declared, a warning for a label map that holds nothing. counts: of its values."""
    place = None if case.label is None else place_of(case.label)
    unknown = {value: number for value, number in counts.items() if value not in task.values}
    if unknown:
        shown = ", ".join(f"{value} ({number} voxels)" for value, number in list(unknown.items())[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        return Fault(
            code="undeclared-label",
            severity="error",
            case=case.id,
            file=place,
            expected=f"label values {', '.join(map(str, task.values))}",
            found=shown + more,
            action=f"Declare the value in {_declared_in(task)}, or correct the label.",
        )
    if any(measures.region_voxels(counts, task).values()):
        return None
    ignored = task.ignore is not None and task.ignore in counts
    return Fault(
        code="empty-label",
        severity="warning",
        case=case.id,
        file=place,
        found="only background and ignored voxels" if ignored else "only background",
        action="Fine if nothing is there to be found.",
    )


def judged_fault(counts: Mapping[int, int], task: Task, case: Case) -> Fault | None:
    """A warning for regions that are outlined in a case, and that nobody is said to have looked for in it."""
    apart = [region for region in task.regions if not case.looked_for([region.name])]
    judged = [region for region in task.regions if region not in apart]
    known = {value for region in judged for value in region.values}  # of a lung: its nodules too
    found = {region.name: sum(counts.get(value, 0) for value in {*region.values} - known) for region in apart}
    outlined = [name for name, number in found.items() if number]
    if not outlined:
        return None
    return Fault(
        code="not-annotated",
        severity="warning",
        case=case.id,
        file=None if case.label is None else place_of(case.label),
        expected=f'nothing outlined but {", ".join(case.judged or ())}, which "annotated" names',
        found=", ".join(f"{name} ({found[name]} voxels)" for name in outlined[:4])
        + (f" and {len(outlined) - 4} more" if len(outlined) > 4 else ""),
        action="It is neither learned nor scored in this case; add it to the column if somebody looked for it.",
    )


def fit_fault(label: Grid, image: Grid, case: Case, *, stored: tuple[int, int] | None) -> Fault | None:
    """An error for a label map that does not lie on its image's grid. stored: of `stored_upright`."""
    if label.shape != image.shape and label.shape == (*(stored or ()), 1):
        code = "shape-mismatch"
        expected = "a mask on the upright picture, as its EXIF tag turns it"
        found = "a mask of the stored picture's size: it was drawn on the pixels before they are turned"
        action = "Turn the mask as the picture is turned, or save the picture without its EXIF tag."
    elif label.shape != image.shape:
        code = "shape-mismatch"
        expected = f"the image's {' x '.join(map(str, image.shape))}"
        found = " x ".join(map(str, label.shape))
        action = "Check which image the label was drawn on, or resample it to the image."
    elif not label.same_space(image, tolerance=SAME_GRID):
        code = "affine-mismatch"
        expected = f"the image's {image!r}"
        found = repr(label)
        action = "Check that the label belongs to the image; if its voxels do, give it the image's header."
    else:
        return None
    file = None if case.label is None else place_of(case.label)
    return Fault(code=code, severity="error", case=case.id, file=file, expected=expected, found=found, action=action)


def stored_upright(case: Case) -> tuple[int, int] | None:
    """(columns, rows) of a case's first picture as stored, if its EXIF tag turns it before use and that of its label does not;
    None otherwise. Raises as reading does.
    """
    if case.label is None or not is_picture(case.images[0]):
        return None
    marked = any(is_picture(path) and stored_size(path) is not None for path in files_of(case.label))
    return None if marked else stored_size(place_of(case.images[0]))


def _declared_in(task: Task) -> str:
    return task.source if task.source.endswith(".json") else "scanwright.json"
