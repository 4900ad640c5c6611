"""Tables of features of a data set, as a user makes them."""

import importlib.util
import json

import numpy as np
import pytest

from made_folders import write_png, write_text
from made_images import class_folder
from scanwright.api import feature_table
from scanwright.api.feature_table import settings_of
from scanwright.errors import InputError, UsageError
from scanwright.features.table import read_csv, read_parquet

KNOWN = ["case.patient", "case.split", "case.group.scanner", "case.target"]
HAS_MIRP = importlib.util.find_spec("mirp") is not None


@pytest.fixture(scope="module")
def network(tmp_path_factory, scanwright):
    """A package whose network took two steps, and the pictures that it learned from."""
    folder = tmp_path_factory.mktemp("network")
    data = class_folder(folder / "data")
    ended = scanwright("train", data, "--model", "cnn", "--steps", "2", "--folds", "2", "-o", folder / "run")
    assert ended.code == 0, ended.err
    return folder / "run" / "model.swm", data


def test_fixed__a_row_a_case_in_both_formats(scanwright, tmp_path):
    data = class_folder(tmp_path / "data", each=3)
    ended = scanwright("features", data, "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["cases"] == 6 and told["features"] == 649 and told["empty"] == []
    one, other = read_csv(tmp_path / "out" / "features.csv"), read_parquet(tmp_path / "out" / "features.parquet")
    assert one.cases == other.cases and np.array_equal(one.values, other.values, equal_nan=True)
    assert one.settings == other.settings == told["settings"] and one.settings["features"] == "fixed"
    before = (tmp_path / "out" / "features.csv").read_bytes()
    assert not (tmp_path / "out" / "features.store").exists()
    again = scanwright("features", data, "-o", tmp_path / "out", "--json")
    assert again.code == 0 and (tmp_path / "out" / "features.csv").read_bytes() == before


def test_fixed__goes_on_where_it_stopped(tmp_path, monkeypatch):
    data, described = class_folder(tmp_path / "data", each=2), []

    def seen(case, *, task):
        described.append(case.id)
        if len(described) == 3:
            raise KeyboardInterrupt
        return {"one": 1.0}

    monkeypatch.setattr(feature_table, "fixed_row", seen)
    with pytest.raises(KeyboardInterrupt):
        feature_table.features(data, out=tmp_path / "out")
    assert (tmp_path / "out" / "features.store").is_dir()
    feature_table.features(data, out=tmp_path / "out")
    first, second, third, fourth = sorted(set(described))
    assert described == [first, second, third, third, fourth] and not (tmp_path / "out" / "features.store").exists()


def test_fixed__a_picture_that_changed_is_described_anew(scanwright, tmp_path):
    data = class_folder(tmp_path / "data", each=2)
    assert scanwright("features", data, "-o", tmp_path / "out").code == 0
    before = read_csv(tmp_path / "out" / "features.csv")
    changed = sorted(data.rglob("*.png"))[0]
    write_png(changed, np.tile(np.arange(24, dtype=np.uint8) * 9, (24, 1)))
    assert scanwright("features", data, "-o", tmp_path / "out").code == 0
    after = read_csv(tmp_path / "out" / "features.csv")
    differs = (before.values != after.values).any(axis=1)
    assert [name for name, other in zip(after.cases, differs, strict=True) if other] == [changed.stem]


def test_table__says_what_is_known_of_each_case(scanwright, tmp_path):
    data = class_folder(tmp_path / "data", each=3)
    rows = "".join(f"{path.stem},p{path.stem[-1]},{'AB'[number % 2]},{('train', 'test')[number > 3]}\n"
                   for number, path in enumerate(sorted(data.rglob("*.png"))))  # fmt: skip
    write_text(data / "scans.csv", "id,patient,scanner,split\n" + rows)
    ended = scanwright("features", data, "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["columns"] == list(told["settings"]["columns"]) == KNOWN
    for table in (read_csv(tmp_path / "out" / "features.csv"), read_parquet(tmp_path / "out" / "features.parquet")):
        assert list(table.known) == KNOWN and len(table.names) == 649 and table.settings == told["settings"]
        assert table.known["case.target"] == ("absent",) * 3 + ("present",) * 3
        assert table.known["case.patient"] == ("p0", "p1", "p2") * 2
        assert table.known["case.split"] == ("train",) * 4 + ("test",) * 2


@pytest.mark.parametrize(
    ("cells", "columns", "first"),
    [
        (("a|b", "b", "No Finding", "a"), ["case.target.a", "case.target.b"], (1, 1)),
        (("1.5", "", "3.25", "4.5"), ["case.target.finding"], (1.5,)),
    ],
)
def test_table__labels_and_quantities(scanwright, tmp_path, cells, columns, first):
    data = class_folder(tmp_path / "data", each=4, classes=("all",))
    rows = "".join(f"all/all_{number:02d}.png,{cell}\n" for number, cell in enumerate(cells))
    write_text(data / "cases.csv", "image,finding\n" + rows)
    ended = scanwright("features", data, "-o", tmp_path / "out")
    assert ended.code == 0, ended.err
    table = read_csv(tmp_path / "out" / "features.csv")
    assert list(table.known) == columns and tuple(cells[0] for cells in table.known.values()) == first


def test_deep__of_a_package_for_a_data_set_and_for_a_folder_of_scans(scanwright, tmp_path, network):
    model, data = network
    ended = scanwright("features", data, "--from", model, "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    whole = read_csv(tmp_path / "out" / "features.csv")
    assert whole.names[0] == "deep_000" and whole.values.std(axis=0).max() > 0
    assert whole.settings["package"] == json.loads(ended.out)["settings"]["package"]
    ended = scanwright("features", data / "present", "--from", model, "-o", tmp_path / "scans")
    assert ended.code == 0, ended.err
    part = read_csv(tmp_path / "scans" / "features.csv")
    assert np.array_equal(part.values, whole.of_cases(part.cases).values)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--kind", "deep"), "deep features are those of a package"),
        (("--kind", "fixed", "--bins", "8"), "settings of radiomic features"),
        (("--kind", "radiomic"), ""),
    ],
)
def test_features__what_does_not_go_together_is_refused(scanwright, tmp_path, options, said):
    data = class_folder(tmp_path / "data", each=2)
    ended = scanwright("features", data, *options, "-o", tmp_path / "out")
    assert ended.code in (2, 4) and said in ended.err and "Traceback" not in ended.err


def test_features__a_classical_package_has_no_network(scanwright, tmp_path):
    data = class_folder(tmp_path / "data")
    assert scanwright("train", data, "--model", "svm", "--folds", "2", "-o", tmp_path / "run").code == 0
    ended = scanwright("features", data, "--from", tmp_path / "run" / "model.swm", "-o", tmp_path / "out")
    assert ended.code == 2 and "has no network" in ended.err


@pytest.mark.parametrize(
    ("given", "said"), [({"bin_width": 3.0}, "needs an intensity_range"), ({"range": "low,high"}, "two numbers")]
)
def test_settings__that_make_no_sense(given, said):
    with pytest.raises(UsageError, match=said):
        settings_of(given)


def masked(folder):
    """Pictures with a mask each, the last one empty."""
    rng = np.random.default_rng(0)
    for number in range(4):
        image = rng.integers(0, 200, (24, 20), dtype=np.uint8)
        mask = np.zeros((24, 20), np.uint8)
        mask[4 : 10 + number, 5:12] = 255 * (number < 3)
        write_png(folder / "images" / f"c{number}.png", image)
        write_png(folder / "masks" / f"c{number}.png", mask)
    return folder


def test_radiomic__needs_label_maps_and_says_so(scanwright, tmp_path):
    data = masked(tmp_path / "data")
    write_text(data / "cases.csv", "image,size\n" + "".join(f"images/c{k}.png,{k}.5\n" for k in range(4)))
    write_text(data / "scanwright.json", '{"target": ["size"]}')
    (data / "masks").rename(tmp_path / "masks")
    ended = scanwright("features", data, "--kind", "radiomic", "-o", tmp_path / "out")
    assert ended.code == 4 and "radiomic features describe what a label map marks" in ended.err
    assert (
        "found no label map" in ended.err and "--kind fixed" in ended.err and "target" not in ended.err.splitlines()[-1]
    )


@pytest.mark.skipif(HAS_MIRP, reason="MIRP is installed")
def test_radiomic__without_mirp_the_install_line_is_said(scanwright, tmp_path):
    ended = scanwright("features", masked(tmp_path / "data"), "-o", tmp_path / "out")
    assert ended.code == 2 and 'pip install "scanwright[radiomics]"' in ended.err


@pytest.mark.skipif(not HAS_MIRP, reason="MIRP is not installed: make radiomics")
def test_radiomic__of_each_mask_and_nothing_of_an_empty_one(scanwright, tmp_path):
    data = masked(tmp_path / "data")
    write_text(data / "cases.csv", "image,size\n" + "".join(f"images/c{k}.png,{k}.5\n" for k in range(4)))
    write_text(data / "scanwright.json", '{"target": ["size"]}')  # which does not keep the masks from being read
    ended = scanwright("features", data, "--kind", "radiomic", "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["empty"] == ["c3"]
    table = read_csv(tmp_path / "out" / "features.csv")
    assert table.known == {"case.target.size": (0.5, 1.5, 2.5, 3.5)}
    assert "glcm_contrast" in table.names and np.isnan(table.of_cases(["c3"]).values).all()
    areas = table.values[:3, table.names.index("shape_area")]
    assert areas == pytest.approx([6 * 7, 7 * 7, 8 * 7], abs=1)  # of the outline, whose corners are cut
    assert (tmp_path / "out" / "features.csv").read_text().startswith("case,")


@pytest.mark.parametrize(
    ("column", "rows", "known"),
    [
        ("area_cm2", ["1.5", "2", "4"], {"case.target.area_cm2": (1.5, 2, 4)}),
        ("a,b", ["1,30", "2,12", "4,50"], {"case.target.a": (1, 2, 4), "case.target.b": (30, 12, 50)}),
        ("remark", ["stored by A", "stored by B", "stored by C"], {}),
        ("size", ["1 mm", "2 mm", "4 mm"], {}),
    ],
)
def test_table__of_images_needs_no_target_of_a_usual_name(tmp_path, column, rows, known):
    for place in range(3):
        write_png(tmp_path / f"data/images/i{place}.png", np.full((24, 24), 40 * place, np.uint8))
    cells = "".join(f"images/i{place}.png,{row}\n" for place, row in enumerate(rows))
    write_text(tmp_path / "data/cases.csv", f"image,{column}\n{cells}")
    feature_table.features(tmp_path / "data", out=tmp_path / "out")
    found = read_csv(tmp_path / "out/features.csv")
    assert found.cases == ("i0", "i1", "i2") and found.known == known
    feature_table.features(tmp_path / "data/cases.csv", out=tmp_path / "one", exclude=["i1"])
    assert read_csv(tmp_path / "one/features.csv").cases == ("i0", "i2")


def test_table__of_no_images_is_refused_as_before(tmp_path):
    write_text(tmp_path / "data/cases.csv", "image,area_cm2\nno.png,1\n")
    with pytest.raises(InputError, match="no data set recognised"):
        feature_table.features(tmp_path / "data", out=tmp_path / "out")
