"""From a folder of pictures with boxes to a model that finds them: every verb, as a user calls it."""

import json

import numpy as np
import pydicom
import pytest
from PIL import Image

from commands import judged_in_both_ways
from made_folders import write_json, write_nifti
from made_series import write_picture
from scanwright.dataset.read import read_dataset
from scanwright.io.dicom.derived.codes import private_code
from scanwright.io.dicom.derived.series_write import write_series
from scanwright.io.dicom.derived.sr import read_measurements
from scanwright.io.dicom.derived.sr_concepts import CONFIDENCE, HEIGHT, WIDTH
from scanwright.io.formats import read_volume
from scanwright.problem.boxes.choice import DEFAULT_SCORE

SIDE = 64
SMALL = ("--steps", "60", "--folds", "2", "--device", "cpu", "--json")


def bright_squares(folder, *, pictures=16, seed=0):
    """Pictures of noise with none to two bright squares each, and a COCO file that tells where. Returns the folder."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    images, boxes = [], []
    for number in range(pictures):
        pixels = rng.normal(60, 12, (SIDE, SIDE))
        for half in range(number % 3):
            side = int(rng.integers(10, 18))
            x, y = (
                int(rng.integers(2, SIDE - side - 2)),
                int(rng.integers(2, SIDE // 2 - side - 2 + 1)) + half * SIDE // 2,
            )
            pixels[y : y + side, x : x + side] += 120
            box = {"id": len(boxes) + 1, "image_id": number, "category_id": 1, "bbox": [x, y, side, side]}
            boxes.append({**box, "area": side * side, "iscrowd": 0})
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"p{number:02d}.png")
        images.append({"id": number, "file_name": f"p{number:02d}.png", "width": SIDE, "height": SIDE})
    told = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "square"}]}
    (folder / "boxes.json").write_text(json.dumps(told))
    return folder


@pytest.fixture(scope="module")
def found(tmp_path_factory, scanwright):
    """A finished run of a detection."""
    folder = tmp_path_factory.mktemp("boxes")
    ended = scanwright("train", bright_squares(folder / "data"), *SMALL, "-o", folder / "run")
    assert ended.code == 0, ended.err
    return folder, json.loads(ended.out)


def test_train__boxes_are_learned_and_everything_is_there(found):
    folder, result = found
    run = folder / "run"
    overall = json.loads((run / "metrics.json").read_text())["overall"]
    assert overall["map50"]["mean"] == result["metrics"]["overall"]["map50"]["mean"] > 0.5
    assert 0 < overall["map5095"]["mean"] <= overall["map50"]["mean"]
    assert overall["froc"]["mean"] > 0.5
    assert "Detection report" in (run / "report.html").read_text()
    assert (run / "model.swm").is_file()


def test_predict__each_slice_of_a_volume_has_the_boxes_that_it_has_alone(found, scanwright, tmp_path):
    """Its grey values and size are brought to the network's by that slice alone, and each box lies in its slice."""
    folder, _ = found
    pictures = [np.asarray(Image.open(folder / "data" / f"p{number:02d}.png")) for number in (1, 2, 0)]
    dimmed = [one // (1 + 2 * number) for number, one in enumerate(pictures)]
    (tmp_path / "in").mkdir()
    for number, one in enumerate(dimmed):
        Image.fromarray(one).save(tmp_path / "in" / f"s{number}.png")
    voxels = np.stack([one.T for one in dimmed], axis=-1).astype(np.int16)
    write_nifti(tmp_path / "in" / "whole.nii.gz", voxels, np.diag((-1.0, -1.0, 3.0, 1.0)))
    ended = scanwright("predict", folder / "run" / "model.swm", tmp_path / "in", "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    *alone, whole = json.loads(ended.out)["predictions"]
    assert any("each of the 3 is answered by itself" in note for note in whole["notes"])

    def rows(case, *, z=0):
        kept = json.loads((tmp_path / "out" / f"{case}.json").read_text())["boxes"]
        return [
            (one["score"], *one["start"][:2], *one["end"][:2], one["start"][2] + z, one["end"][2] + z) for one in kept
        ]

    apart = [row for number in range(3) for row in rows(f"s{number}", z=number)]
    np.testing.assert_allclose(sorted(rows("whole")), sorted(apart), atol=1e-4)
    assert {row[5] for row in apart} == {0, 1, 2} and len(alone) == 3


def test_predict__finds_the_square_where_it_is(found, scanwright, tmp_path):
    folder, _ = found
    ended = scanwright(
        "predict", folder / "run" / "model.swm", folder / "data" / "p01.png", "-o", tmp_path / "out", "--json"
    )
    assert ended.code == 0, ended.err
    (answer,) = json.loads(ended.out)["predictions"]
    assert any("has learned from this image" in note for note in answer["notes"])
    best, *others = json.loads((tmp_path / "out" / "p01.json").read_text())["boxes"]
    assert best["class"] == "square" and all(one["score"] < best["score"] for one in others)
    told = json.loads((folder / "data" / "boxes.json").read_text())["annotations"]
    x, y, width, height = next(one["bbox"] for one in told if one["image_id"] == 1)
    np.testing.assert_allclose(best["start"], [x, y, 0], atol=4)
    np.testing.assert_allclose(best["end"], [x + width, y + height, 1], atol=4)
    assert (tmp_path / "out" / "p01.found.png").is_file()


def test_evaluate__boxes_are_told_from_the_scores_of_the_package_on(found, scanwright, tmp_path):
    folder, _ = found
    model, others = folder / "run" / "model.swm", bright_squares(tmp_path / "others", pictures=6, seed=5)
    limits = json.loads((folder / "run" / "metrics.json").read_text())["chosen"]["thresholds"]
    assert limits["square"] != DEFAULT_SCORE
    told, scores = judged_in_both_ways(scanwright, model, others, tmp_path)
    kept = json.loads((told / "p01.json").read_text())
    assert kept["thresholds"] == limits
    rows = json.loads((told / "predictions.json").read_text())["predictions"].values()
    judged = json.loads((scores / "metrics.json").read_text())["by_class"]["square"]
    boxes = sum(len(one["boxes"]) for one in rows)
    assert judged["hits"]["mean"] + judged["false_positives"]["mean"] == boxes


def test_predict__beside_a_dicom_picture_lies_a_report_with_the_boxes_that_are_told(found, scanwright, tmp_path):
    folder, _ = found
    (tmp_path / "scan").mkdir()
    scan = write_picture(tmp_path / "scan" / "p04.dcm", SIDE, SIDE)
    header = pydicom.dcmread(scan)
    pixels = np.asarray(Image.open(folder / "data" / "p04.png")).astype("<u2")
    header.PixelData = pixels.tobytes()
    header.save_as(scan)
    ended = scanwright("predict", folder / "run" / "model.swm", scan.parent, "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    (answer,) = json.loads(ended.out)["predictions"]
    names = sorted(path.split(answer["case"])[-1] for path in answer["also"])
    assert names == [".found.dcm", ".found.png", ".sr.dcm"]
    report = read_measurements(tmp_path / "out" / f"{answer['case']}.sr.dcm")
    *boxes, count = report.groups
    assert boxes and len(boxes) == len(answer["boxes"]) == count.value(private_code("square"))
    for group, box in zip(boxes, answer["boxes"], strict=True):
        (left, top, _), (right, bottom, _) = box["start"], box["end"]
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        np.testing.assert_allclose(group.shapes[0].points, corners, atol=1e-5)
        assert group.shapes[0].instance == header.SOPInstanceUID
        assert group.value(CONFIDENCE) == pytest.approx(box["score"], abs=6e-4)
        assert (group.value(WIDTH), group.value(HEIGHT)) == pytest.approx(tuple(box["size"][:2]), abs=2e-3)


def test_train__boxes_round_the_parts_of_label_maps_in_volumes(scanwright, tmp_path):
    data = tmp_path / "data"
    rng = np.random.default_rng(1)
    for number in range(6):
        image, label = rng.normal(0, 1, (32, 32, 16)), np.zeros((32, 32, 16), np.uint8)
        for half in range(1 + number % 2):
            x, y, z = (int(rng.integers(low, high)) for low, high in ((3, 22), (3 + 16 * half, 8 + 16 * half), (2, 8)))
            label[x : x + 6, y : y + 6, z : z + 6] = 1
        write_nifti(data / "imagesTr" / f"c{number}_0000.nii.gz", image + 6.0 * label)
        write_nifti(data / "labelsTr" / f"c{number}.nii.gz", label)
    told = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "nodule": 1},
        "numTraining": 6,
        "file_ending": ".nii.gz",
    }
    write_json(data / "dataset.json", told)
    ended = scanwright("train", data, "--task", "detection", *SMALL, "-o", tmp_path / "run")
    assert ended.code == 0, ended.err
    overall = json.loads(ended.out)["metrics"]["overall"]
    assert overall["map50"]["mean"] > 0.3
    scan = tmp_path / "scan"
    write_series(scan, read_volume(data / "imagesTr" / "c1_0000.nii.gz"), modality="CT", patient="P1")
    ended = scanwright("predict", tmp_path / "run" / "model.swm", scan, "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    (answer,) = json.loads(ended.out)["predictions"]
    report = read_measurements(tmp_path / "out" / "scan.sr.dcm")
    assert answer["boxes"]
    assert [len(group.shapes) for group in report.groups] == [*(6 for _ in answer["boxes"]), 0]


def test_train__a_table_of_nodules_beside_volumes(scanwright, tmp_path):
    """LUNA16's annotations.csv, with a scan in no row; FROC has its rule, and the same boxes as corners are the same data."""
    data, affine = tmp_path / "data", np.diag([-1.0, -1.0, 2.0, 1.0])
    rng = np.random.default_rng(2)
    index = np.stack(np.meshgrid(*map(np.arange, (32, 32, 16)), indexing="ij"), axis=-1)
    nodules, corners = ["seriesuid,coordX,coordY,coordZ,diameter_mm"], ["case,class,x0,y0,z0,x1,y1,z1"]
    for number in range(6):
        image, middle = rng.normal(-800, 60, (32, 32, 16)), rng.integers((6, 6, 4), (26, 26, 12))
        if number:
            image[np.linalg.norm((index - middle) * [1, 1, 2], axis=-1) <= 4] = 50
            x, y, z = middle.tolist()
            nodules.append(f"1.2.{number},{x},{y},{2 * z},8")
            corners.append(f"1.2.{number},nodule,{x - 3.5},{y - 3.5},{z - 1.5},{x + 4.5},{y + 4.5},{z + 2.5}")
        else:
            corners.append("1.2.0,,,,,,,")
        write_nifti(data / "subset0" / f"1.2.{number}.nii.gz", image.astype(np.int16), affine)
    (data / "annotations.csv").write_text("\n".join(nodules) + "\n")
    ended = scanwright(
        "train", data, "--steps", "2", "--folds", "2", "--device", "cpu", "--json", "-o", tmp_path / "run"
    )
    assert ended.code == 0, ended.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["hit_rule"] == {
        "told": "IoU 0.5",
        "froc": "centre of the found box in the ellipsoid that fills the true one",
    }
    assert metrics["by_class"]["nodule"]["true_boxes"]["mean"] == 5
    assert {f"sensitivity_at_{rate}fp" for rate in ("0.125", "0.25", "0.5", "1", "2", "4", "8")} <= set(
        metrics["overall"]
    )
    page = (tmp_path / "run" / "report.html").read_text()
    assert "A hit: centre of the found box" in page and "sensitivity_at_0.125fp" not in page
    scan = data / "subset0" / "1.2.1.nii.gz"
    ended = scanwright("predict", tmp_path / "run" / "model.swm", scan, "-o", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    known = read_dataset(data)
    (data / "annotations.csv").write_text("\n".join(corners) + "\n")
    assert read_dataset(data).cases == known.cases
