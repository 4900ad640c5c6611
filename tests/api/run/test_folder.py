"""The run folder: whose it is, what is thrown away and what never is, and how its time is counted."""

import json

import pytest

from scanwright.api.run import folder as module
from scanwright.api.run.folder import PARTS, differences, holds_run, open_run, read_record, require_free
from scanwright.api.run.lock import alone
from scanwright.dataset.store import Store
from scanwright.errors import IntegrityError, ResourceError, UsageError

REQUEST = {"data": "/scans", "seed": 0, "values": {"batch.size": 2}}


def opened(folder, request=REQUEST, *, restart=False):
    return open_run(folder, request, command="scanwright train", restart=restart)


def fill(folder):
    """What a finished run leaves, and a plan."""
    for name in PARTS:
        path = folder / name
        if name in ("folds", "predictions", "trials"):
            (path / "0").mkdir(parents=True)
            (path / "0/file").write_text("x")
        else:
            path.write_text("{}")


def test_open__a_new_folder(tmp_path):
    with opened(tmp_path / "a/b/run") as run:
        assert json.loads(run.path("request.json").read_text()) == REQUEST
        assert run.elapsed_s < 5
    assert sorted(path.name for path in (tmp_path / "a/b/run").iterdir()) == [".lock", "request.json"]


def test_open__the_same_request_goes_on(tmp_path):
    with opened(tmp_path):
        fill(tmp_path)
    with opened(tmp_path) as run:
        assert all(run.path(name).exists() for name in PARTS)


@pytest.mark.parametrize("name", ["clock.json", "request.json"])
def test_read_record__that_is_cut(tmp_path, name):
    with opened(tmp_path):
        fill(tmp_path)
        whole = (tmp_path / "request.json").read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(IntegrityError, match="cannot be read") as caught:
        read_record(tmp_path / name)
    assert "--restart" in caught.value.hint and caught.value.exit_code == 3


def test_open__another_request_is_refused(tmp_path):
    with opened(tmp_path):
        fill(tmp_path)
    other = {**REQUEST, "seed": 1, "values": {"batch.size": 4}}
    with pytest.raises(UsageError, match="other settings") as caught, opened(tmp_path, other):
        pass
    assert caught.value.details == (
        "seed: was 0, now 1",
        "values: was {'batch.size': 2}, now {'batch.size': 4}",
    )
    assert all((tmp_path / name).exists() for name in PARTS)


def test_open__restart_takes_another_request(tmp_path):
    with opened(tmp_path):
        fill(tmp_path)
        (tmp_path / "notes.txt").write_text("mine")
    with opened(tmp_path, {**REQUEST, "seed": 1}, restart=True):
        assert not any((tmp_path / name).exists() for name in PARTS)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert json.loads((tmp_path / "request.json").read_text())["seed"] == 1


def test_open__nothing_planned_is_nothing_claimed(tmp_path):
    """Without a plan, what is left (from a restart that was killed, say) is not taken up, whoever asks."""
    with opened(tmp_path):
        fill(tmp_path)
        key = Store.key("case")
        Store(tmp_path / "store").put(key, {"image": module_array()})
    (tmp_path / "plan.json").unlink()
    with opened(tmp_path):
        assert not any((tmp_path / name).exists() for name in PARTS)
        assert Store(tmp_path / "store").has(key)  # prepared cases are known by what is in them
    with opened(tmp_path, {**REQUEST, "seed": 1}):
        assert not Store(tmp_path / "store").has(key)


def module_array():
    import numpy as np

    return np.zeros(3, np.float32)


def test_open__a_link_is_removed_and_what_it_points_to_stays(tmp_path):
    """A store put on a larger disk."""
    elsewhere, folder = tmp_path / "large disk", tmp_path / "run"
    (elsewhere / "x").mkdir(parents=True)
    with opened(folder):
        (folder / "store").symlink_to(elsewhere, target_is_directory=True)
        (folder / "plan.json").write_text("{}")
    with opened(folder, restart=True):
        assert not (folder / "store").is_symlink()
    assert (elsewhere / "x").is_dir()


def test_open__leftovers_of_killed_writers_are_swept(tmp_path):
    with opened(tmp_path):
        fill(tmp_path)
    left = [".metrics.json.ab12.part", "folds/0/.state.safetensors.cd.part", "predictions/.p1.nii.gz.ef.part"]
    for name in left:
        (tmp_path / name).write_text("half")
    (tmp_path / ".model.swm.x1").mkdir()
    (tmp_path / ".model.swm.x1/draft.swm").write_text("half")
    (tmp_path / "mine.part").write_text("mine")
    with opened(tmp_path):
        assert not any((tmp_path / name).exists() for name in [*left, ".model.swm.x1"])
    assert (tmp_path / "mine.part").exists()


@pytest.mark.parametrize("left", [[], [".lock"], [".writable.x.part", ".request.json.y.part", ".lock"]])
def test_require_free__what_a_killed_start_leaves_is_no_hindrance(tmp_path, left):
    for name in left:
        (tmp_path / name).touch()
    require_free(tmp_path)


@pytest.mark.parametrize("content", ["mine", "[]", '{"data": 1}', "{", ""])
def test_holds_run__a_request_of_somebody_else(tmp_path, content):
    (tmp_path / "request.json").write_text(content)
    assert not holds_run(tmp_path)
    with pytest.raises(UsageError, match="holds no run"):
        require_free(tmp_path)


def test_require_free__a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="cannot write here"):
        require_free(tmp_path / "file")


def test_differences__lists_and_tuples_are_one():
    assert differences({"a": [1, 2]}, {"a": (1, 2)}) == []
    assert differences({"a": 1}, {"a": 1, "b": None}) == []  # an option that a later version adds, not given
    assert differences({"a": 1}, {"b": 2}) == ["a: was 1, now None", "b: was None, now 2"]


def test_elapsed__counts_every_session(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with opened(tmp_path) as run:
        run.path("plan.json").write_text("{}")
        with run.stage("check"):
            now[0] += 7
    now[0] = 5000.0
    with opened(tmp_path) as run:
        assert run.elapsed_s == 7
        with run.stage("check"):
            now[0] += 3
            assert run.clock.stages_so_far()["check"]["seconds"] == 10, "a stage that has not ended counts"
        assert run.elapsed_s == 10
    clock = json.loads((tmp_path / "clock.json").read_text())
    assert clock["elapsed_s"] == 10
    assert clock["stages"]["check"]["seconds"] == 10
    assert clock["stages"]["check"]["peak_bytes"] > 1 << 20


def test_elapsed__a_session_that_planned_nothing_costs_nothing(tmp_path, monkeypatch):
    """Faults in the data, found in ten minutes: mended, the run has its whole budget."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with pytest.raises(ValueError, match="faults"), opened(tmp_path) as run, run.stage("check"):
        now[0] += 600
        raise ValueError("faults")
    with opened(tmp_path) as run:
        assert run.elapsed_s == 0


def test_beat__at_most_every_two_seconds(tmp_path, monkeypatch):
    now, written = [100.0], []
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with opened(tmp_path) as run:
        monkeypatch.setattr(module, "write_json", lambda path, value: written.append(value["elapsed_s"]))
        for _ in range(50):
            now[0] += 0.1
            run.beat()
    assert len(written) == 3  # at once, after two seconds, after four


def test_record__versions_command_and_stages(tmp_path):
    with opened(tmp_path) as run:
        with run.stage("check"):
            pass
        run.write_record(seed=3)
        record = json.loads(run.path("run.json").read_text())
    assert record["command"] == "scanwright train"
    assert record["seed"] == 3
    assert list(record["stages"]) == ["check"]
    assert {"python", "scanwright", "torch", "numpy"} <= set(record["versions"])


def test_open__a_restart_under_work_is_refused(tmp_path):
    with opened(tmp_path):
        fill(tmp_path)
    with (
        alone(tmp_path / ".lock"),
        pytest.raises(ResourceError, match="another process is at work"),
        opened(tmp_path, restart=True),
    ):
        pass
    assert all((tmp_path / name).exists() for name in PARTS)
