"""The house rules that a reader of one file cannot see, checked on every import and call of the sources.

Imports go down only: a module imports from floors below its own, rooms on one floor do not know each other, and inside a
room there is no cycle. Imports inside functions and under TYPE_CHECKING count. Each rule is also shown a planted fault.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "scanwright"

FLOORS: Mapping[int, tuple[str, ...]] = {
    0: ("errors", "types", "protocols", "runtime", "files", "workers", "doubt"),
    1: ("geometry",),
    2: ("io",),
    3: ("dataset", "dataset.phantom", "dataset.secure"),
    4: ("plan",),
    5: ("transform", "package"),
    6: ("network",),
    7: ("training",),
    8: ("inference", "report.certainty"),  # a part of what reports say, and plain data
    9: ("evaluation", "explanation", "figures", "findings", "report.results_content", "report.model_facts"),
    10: ("features", "report.content", "report.notation", "report.study_content", "report.subgroup_content"),
    11: ("problem",),
    12: ("gate", "search"),
    13: ("report", "release", "monitor"),
    14: ("api.case", "api.data", "screen", "ending", "options", "metric_lines"),
    15: ("api.run",),
    16: ("api", "api.ensemble"),
    17: ("cluster", "data_commands", "model_commands", "search_commands"),
    18: ("cli", "serving"),
    19: ("", "__main__"),  # scanwright/__init__.py and `python -m scanwright`, which nobody inside imports
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}

FORMS = ("problem.label_maps", "problem.classes", "problem.numbers", "problem.boxes")
"""Forms of an answer: a kind of problem is put together of them, and they do not know each other."""

STOREYS: Sequence[tuple[str, ...]] = (
    ("intervals",),
    ("classes",),
    ("cases", "numbers", "certainty"),
    ("calibration", "boxes"),
    ("label_maps",),
    ("summaries", "comparing", "members"),
)
"""Rooms of `evaluation`: each imports from those before its line."""

NAMELESS = {"utils", "util", "common", "helpers", "helper", "misc", "tools"}
PICKLES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
FORBIDDEN_CALLS = {"eval", "exec", "__import__", "torch.load", "importlib.import_module", "import_module"}


@dataclass(frozen=True, slots=True)
class Import:
    """`importer` names `imported` (both without the leading "scanwright.") in this line."""

    importer: str
    imported: str
    line: int


def read_sources(root: Path) -> dict[str, str]:
    """Module name, without "scanwright.", to its text; a package's own file has the package's name."""
    texts = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        texts[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return texts


def room_of(module: str) -> str:
    """The room a module lies in: the longest name of FLOORS that begins it, or its first part."""
    parts = module.split(".")
    names = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((name for name in names if name in FLOOR_OF), parts[0])


def floor_of(module: str) -> int | None:
    return FLOOR_OF.get(room_of(module))


def imports_of(module: str, text: str, modules: set[str]) -> Iterator[Import]:
    """Every import of our own code in a module, each resolved to the module that it reaches."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "scanwright":
                    yield Import(module, alias.name.removeprefix("scanwright").removeprefix("."), node.lineno)
        elif isinstance(node, ast.ImportFrom):
            yield from _from_imports(module, node, modules)


def _from_imports(module: str, node: ast.ImportFrom, modules: set[str]) -> Iterator[Import]:
    if node.level:
        yield Import(module, "(relative)", node.lineno)
        return
    head, _, package = (node.module or "").partition(".")
    if head != "scanwright":
        return
    for alias in node.names:
        below = f"{package}.{alias.name}".removeprefix(".")
        if not package and alias.name == "__version__":
            continue  # a word, not a module
        yield Import(module, below if below in modules else package, node.lineno)


def floor_faults(texts: Mapping[str, str]) -> list[str]:
    """Imports that go up or sideways, relative imports, and modules on no floor."""
    modules = set(texts)
    faults = [f"{module} is on no floor" for module in texts if floor_of(module) is None]
    for module, text in texts.items():
        for found in imports_of(module, text, modules):
            if found.imported == "(relative)":
                faults.append(f"{module}:{found.line} imports relatively")
            elif not _may_import(module, found.imported):
                faults.append(f"{module}:{found.line} imports {found.imported or 'scanwright'}")
    return faults


def _may_import(importer: str, imported: str) -> bool:
    """Down, or inside one room. The files of floor 0 are one room: small words, held apart by the cycle rule."""
    high, low = floor_of(importer), floor_of(imported)
    if high is None or low is None:
        return False
    return low < high or room_of(importer) == room_of(imported) or high == low == 0


def form_faults(texts: Mapping[str, str]) -> list[str]:
    """Forms of an answer that import each other."""
    modules = set(texts)
    return [
        f"{module}:{found.line} imports {found.imported}"
        for module, text in texts.items()
        if (own := form_of(module))
        for found in imports_of(module, text, modules)
        if (other := form_of(found.imported)) and other != own
    ]


def storey_faults(texts: Mapping[str, str]) -> list[str]:
    """Modules of `evaluation` that lie in no room of it, or import from a room that is not below."""
    height = {room: number for number, rooms in enumerate(STOREYS) for room in rooms}
    modules = {module for module in texts if module.startswith("evaluation.")}
    faults = [f"{module} is in no room" for module in sorted(modules) if module.split(".")[1] not in height]
    for module in sorted(modules):
        own = module.split(".")[1]
        for found in imports_of(module, texts[module], set(texts)):
            other = found.imported.split(".")[1] if found.imported in modules else own
            if other != own and not height.get(other, 0) < height.get(own, 0):
                faults.append(f"{module}:{found.line} imports {found.imported}")
    return faults


def form_of(module: str) -> str | None:
    return next((form for form in FORMS if f"{module}.".startswith(f"{form}.")), None)


def cycles(texts: Mapping[str, str]) -> list[str]:
    """Modules that reach themselves through imports, in whatever room; empty when there is none."""
    modules = set(texts)
    graph = {
        module: {found.imported for found in imports_of(module, text, modules)} & modules - {module}
        for module, text in texts.items()
    }
    done: set[str] = set()
    faults: list[str] = []

    def walk(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            faults.append(" -> ".join([*path[path.index(module) :], module]))
        elif module not in done:
            for target in sorted(graph[module]):
                walk(target, (*path, module))
            done.add(module)

    for module in sorted(graph):
        walk(module, ())
    return faults


def name_faults(texts: Mapping[str, str]) -> list[str]:
    """Modules and folders whose name says nothing."""
    return [module for module in texts if NAMELESS & {part.strip("_") for part in module.split(".")}]


def environment_faults(texts: Mapping[str, str]) -> list[str]:
    """Whoever but `runtime` reads or writes the environment."""
    names = {"environ", "environb", "getenv", "putenv", "unsetenv"}
    return [
        f"{module}:{node.lineno} {name}"
        for module, text in texts.items()
        if module != "runtime"
        for node in ast.walk(ast.parse(text))
        for name in _names(node)
        if name in names
    ]


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.ImportFrom) and node.module == "os":
        return [alias.name for alias in node.names]
    return []


def execution_faults(texts: Mapping[str, str]) -> list[str]:
    """Whatever could run what a file says: pickles and their kin, torch.load, eval, names imported at run time."""
    faults = []
    for module, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            for what in _executions(node):
                if not (module == "" and what.endswith("import_module")):  # __init__ loads api when a verb is asked for
                    faults.append(f"{module}:{getattr(node, 'lineno', 0)} {what}")
    return faults


def _executions(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.split(".")[0] in PICKLES]
    if isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name for name in names if name.split(".")[0] in PICKLES or name in FORBIDDEN_CALLS]
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        loads = [called] if called in FORBIDDEN_CALLS else []
        return loads + [f"{called}({word.arg}=…)" for word in node.keywords if _lets_pickle_in(word)]
    return []


def _lets_pickle_in(word: ast.keyword) -> bool:
    off = isinstance(word.value, ast.Constant) and word.value.value is False
    on = isinstance(word.value, ast.Constant) and word.value.value is True
    return (word.arg == "allow_pickle" and not off) or (word.arg == "weights_only" and not on)


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    texts = read_sources(SOURCE)
    assert {"", "errors", "geometry.grid", "package.container"} <= set(texts)
    return texts


def test_floors__imports_go_down(sources: dict[str, str]) -> None:
    assert floor_faults(sources) == []


def test_floors__no_cycle(sources: dict[str, str]) -> None:
    assert cycles(sources) == []


def test_floors__forms_of_an_answer_do_not_know_each_other(sources: dict[str, str]) -> None:
    assert set(FORMS) <= set(sources)
    assert form_faults(sources) == []


def test_floors__rooms_of_evaluation_know_those_below_alone(sources: dict[str, str]) -> None:
    assert {name for rooms in STOREYS for name in rooms} == {
        name.split(".")[1] for name in sources if name.startswith("evaluation.")
    }
    assert storey_faults(sources) == []


def test_floors__names_say_something(sources: dict[str, str]) -> None:
    assert name_faults(sources) == []


def test_floors__only_runtime_reads_the_environment(sources: dict[str, str]) -> None:
    assert environment_faults(sources) == []


def test_floors__nothing_from_a_file_is_executed(sources: dict[str, str]) -> None:
    assert execution_faults(sources) == []


HOUSE = {"": "", "errors": "", "files": "", "geometry": "", "geometry.grid": "", "dataset": "", "dataset.task": ""}
HOUSE |= {
    "dataset.phantom": "",
    "dataset.phantom.cohort": "",
    "dataset.layouts.csv": "",
    "training.loop": "",
    "api": "",
}


@pytest.mark.parametrize(
    ("module", "text", "fault"),
    [
        ("geometry.grid", "from scanwright.training.loop import run", "geometry.grid:1 imports training.loop"),
        ("geometry.grid", "import scanwright.training.loop", "geometry.grid:1 imports training.loop"),
        ("geometry.grid", "from scanwright.training import loop", "geometry.grid:1 imports training.loop"),
        ("geometry.grid", "def f():\n    from scanwright import api", "geometry.grid:2 imports api"),
        ("geometry.grid", "if TYPE_CHECKING:\n    from scanwright.api import x", "geometry.grid:2 imports api"),
        ("errors", "from scanwright.geometry.grid import Grid", "errors:1 imports geometry.grid"),
        ("api", "from scanwright import train", "api:1 imports scanwright"),
        ("api", "import scanwright", "api:1 imports scanwright"),
        ("geometry.grid", "from .affine import x", "geometry.grid:1 imports relatively"),
        (
            "dataset.task",
            "from scanwright.dataset.phantom.cohort import x",
            "dataset.task:1 imports dataset.phantom.cohort",
        ),
        ("dataset.phantom.cohort", "import scanwright.dataset.task", "dataset.phantom.cohort:1 imports dataset.task"),
        ("toolbox", "", "toolbox is on no floor"),
        ("api", "import scanwright.toolbox", "api:1 imports toolbox"),
    ],
)
def test_planted__imports(module: str, text: str, fault: str) -> None:
    assert floor_faults({**HOUSE, module: text}) == [fault]


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("training.loop", "from scanwright.geometry.grid import Grid"),
        ("files", "from scanwright.errors import InputError"),
        ("dataset.task", "from scanwright.dataset.layouts import csv"),
        ("cli", "from scanwright import __version__, api"),
        ("", "from scanwright import api"),
        ("errors", "import os, torch\nfrom pathlib import Path"),
    ],
)
def test_planted__nothing_wrong(module: str, text: str) -> None:
    house = {**HOUSE, module: text}
    assert floor_faults(house) == [] and cycles(house) == []


def test_planted__forms() -> None:
    text = "from scanwright.problem.boxes import told\nfrom scanwright.problem.classes import told as mine"
    house = {**HOUSE, "problem.classes.told": text, "problem.boxes.told": ""}
    assert form_faults(house) == ["problem.classes.told:1 imports problem.boxes.told"]
    assert form_faults({**HOUSE, "problem.anomaly": text, "problem.boxes.told": ""}) == []


def test_planted__rooms_of_evaluation() -> None:
    up = "from scanwright.evaluation.boxes import froc\nfrom scanwright.evaluation.intervals.bootstrap import draw"
    below = {"evaluation.boxes.froc": "", "evaluation.intervals.bootstrap": ""}
    assert storey_faults({**below, "evaluation.classes.curves": up}) == [
        "evaluation.classes.curves:1 imports evaluation.boxes.froc"
    ]
    assert storey_faults({**below, "evaluation.members.votes": up}) == []
    assert storey_faults({"evaluation.curves": ""}) == ["evaluation.curves is in no room"]


def test_planted__cycle() -> None:
    # csv -> task -> csv, one of them hidden in a function.
    house = {
        **HOUSE,
        "dataset.task": "def f():\n    import scanwright.dataset.layouts.csv",
        "dataset.layouts.csv": "from scanwright.dataset.task import Task",
    }
    assert cycles(house) == ["dataset.layouts.csv -> dataset.task -> dataset.layouts.csv"]
    assert floor_faults(house) == []


@pytest.mark.parametrize("module", ["utils", "geometry.utils", "dataset._helpers", "common.grid"])
def test_planted__names(module: str) -> None:
    assert name_faults({**HOUSE, module: ""}) == [module]


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.environ['X']",
        "from os import environ",
        "import os as o\no.getenv('X')",
        "from os import getenv as g",
    ],
)
def test_planted__environment(text: str) -> None:
    assert len(environment_faults({"api": text})) == 1
    assert environment_faults({"runtime": text}) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "import joblib.parallel",
        "from pickle import loads",
        "def f():\n    import dill",
        "import torch\ntorch.load(x)",
        "from torch import load",
        "np.load(x, allow_pickle=True)",
        "np.load(x, allow_pickle=flag)",
        "f(x, weights_only=False)",
        "eval(text)",
        "exec(text)",
        "__import__(name)",
        "import importlib\nimportlib.import_module(name)",
        "from importlib import import_module",
    ],
)
def test_planted__execution(text: str) -> None:
    assert len(execution_faults({"api": text})) == 1


def test_planted__no_execution() -> None:
    text = "model.eval()\nnp.load(x, allow_pickle=False)\njson.load(x)\nload_tensors(x)\nre.compile(x)"
    assert execution_faults({"api": text}) == []
