"""A scan, or a label that somebody drew, is never overwritten."""

from pathlib import Path

import pytest

from made_folders import made_case, write_json, write_text
from scanwright.api.claims import is_scores, listed, require_apart, require_free_for_scores
from scanwright.errors import UsageError


def case(name, image):
    return made_case(name, images=(Path(image),))


def test_require_apart__two_scans_of_one_name(tmp_path):
    targets = [(tmp_path / "a.nii.gz", case("a", f"/{day}/a.nii.gz")) for day in ("monday", "tuesday")]
    with pytest.raises(UsageError, match="one file") as caught:
        require_apart(targets)
    assert caught.value.found == "/monday/a.nii.gz and /tuesday/a.nii.gz"


def test_require_apart__two_scans_of_one_name_in_two_formats(tmp_path):
    targets = [(tmp_path / "a.png", case("a", "/x/a.png")), (tmp_path / "a.nii.gz", case("a", "/y/a.nii.gz"))]
    with pytest.raises(UsageError, match="two scans of one name"):
        require_apart(targets)


def test_require_apart__the_answer_where_the_scan_lies(tmp_path, monkeypatch):
    """By whichever path: relative, or through a link."""
    scan = write_text(tmp_path / "scans/a.nii.gz", "scan")
    (tmp_path / "link").symlink_to(tmp_path / "scans", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "scans", Path("scans"), tmp_path / "link"):
        with pytest.raises(UsageError, match="written over the scan"):
            require_apart([(folder / "a.nii.gz", case("a", scan))])
    assert require_apart([(tmp_path / "out/a.nii.gz", case("a", scan))])


def test_require_apart__links_in_a_circle_are_left_to_the_reader(tmp_path):
    (tmp_path / "a.nii.gz").symlink_to("a.nii.gz")
    assert require_apart([(tmp_path / "out/a.nii.gz", case("a", tmp_path / "a.nii.gz"))])


def test_scores__of_a_run_or_of_somebody(tmp_path):
    require_free_for_scores(tmp_path / "new")
    ours = {"problem": "segmentation", "primary": "dice", "overall": {}, "by_class": {}}
    write_json(tmp_path / "before/metrics.json", ours)
    write_text(tmp_path / "before/cases.csv", "case")
    require_free_for_scores(tmp_path / "before")  # evaluate wrote it: it may again
    write_json(tmp_path / "run/request.json", {"data": "/scans", "seed": 0})
    write_json(tmp_path / "run/metrics.json", ours)
    with pytest.raises(UsageError, match="holds a run"):
        require_free_for_scores(tmp_path / "run")
    write_text(tmp_path / "data/cases.csv", "case,patient\n")
    with pytest.raises(UsageError, match="evaluate did not write it"):
        require_free_for_scores(tmp_path / "data")
    write_text(tmp_path / "page/report.html", "somebody's")
    with pytest.raises(UsageError, match="evaluate did not write it"):
        require_free_for_scores(tmp_path / "page")
    write_json(tmp_path / "other/metrics.json", {"accuracy": 1})
    with pytest.raises(UsageError, match="evaluate did not write it"):
        require_free_for_scores(tmp_path / "other")
    assert not is_scores(write_text(tmp_path / "x.json", "{"))


def test_listed():
    assert listed("ab") == "a, b"
    assert listed("abcdef") == "a, b, c, d and 2 more"
    assert listed([]) == ""
