"""Near-duplicates among generated pictures, and copies planted among real ones: time, memory, recall, precision.

    python benchmarks/near_duplicates.py [--images 10000 100000] [--real FOLDER] [--hashes] [-o FILE]

One picture in twenty is a copy of another (planted_pictures.copied). A pair that was planted and found counts for recall, a
pair that was found and not planted against precision. --hashes: sets of up to 10,000 pictures also with imagededup's pHash,
dHash and aHash, at each distance up to its own default of 10; needs imagededup on the path. Of 100,000 its comparison of each
with each did not end in half an hour. --real: folders of pictures, or MedMNIST archives, in which copies are planted; pairs
that were there already are counted apart.
"""

import argparse
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from planted_pictures import copied, generated
from record import write_result

from scanwright.gate.likeness.alike import alike
from scanwright.gate.likeness.signature import Signature, glance
from scanwright.geometry.grid import Grid
from scanwright.geometry.volume import Volume
from scanwright.runtime import num_threads, peak_memory_bytes
from scanwright.types import Array

COPIES = 20  # one picture of so many is a copy
HASHES = ("PHash", "DHash", "AHash")
FARTHEST = 10  # imagededup's default max_distance_threshold
MOST_HASHED = 10_000

Seen = tuple[str, Signature, float, dict[str, str], tuple[str, ...]]


def volume_of(picture: Array) -> Volume:
    voxels = picture.T[None, :, :, None]
    return Volume(voxels, Grid(voxels.shape[1:], np.diag([-1.0, -1.0, 1.0, 1.0]), "px"))


def seen(number: int, *, count: int, hashes: bool) -> Seen:
    """Picture `number` of `count`: the last ones are copies of those at the same distance before them, COPIES - 1 times."""
    originals = count - count // COPIES
    picture, done = generated(number if number < originals else source_of(number, count)), tuple[str, ...]()
    if number >= originals:
        picture, done = copied(picture, number)
    began = time.perf_counter()
    signature = glance(volume_of(picture))
    seconds = time.perf_counter() - began
    return f"{number:06d}", signature, seconds, hashes_of(picture) if hashes else {}, done


def source_of(copy: int, count: int) -> int:
    return (copy - (count - count // COPIES)) * (COPIES - 1)


def hasher(name: str) -> Any:
    import imagededup.methods as methods  # type: ignore[import-not-found]

    return getattr(methods, name)


def hashes_of(picture: Array) -> dict[str, str]:
    return {name: hasher(name)(verbose=False).encode_image(image_array=picture) for name in HASHES}


def generated_set(count: int, *, hashes: bool) -> dict[str, Any]:
    hashes = hashes and count <= MOST_HASHED
    planted = {(f"{source_of(copy, count):06d}", f"{copy:06d}") for copy in range(count - count // COPIES, count)}
    with ProcessPoolExecutor(num_threads(), mp_context=get_context("fork")) as pool:
        work: Callable[[int], Seen] = partial(seen, count=count, hashes=hashes)
        all_seen = list(pool.map(work, range(count), chunksize=256))
    signatures = {name: signature for name, signature, *_ in all_seen}
    before, began, busy = peak_memory_bytes(), time.perf_counter(), time.process_time()
    pairs = alike(signatures)
    result: dict[str, Any] = {
        "images": count,
        "planted": len(planted),
        "glance_ms": round(1e3 * float(np.median([seconds for _, _, seconds, *_ in all_seen])), 2),
        "search_s": round(time.perf_counter() - began, 1),
        "search_cpu_s": round(time.process_time() - busy, 1),
        "memory_mb_before_and_peak": [before >> 20, peak_memory_bytes() >> 20],
        **scored({(pair.source, pair.copy) for pair in pairs}, planted),
    }
    found = {frozenset((pair.source, pair.copy)) for pair in pairs}
    result["recall_by_change"] = by_change({frozenset(pair): all_seen[int(max(pair))][4] for pair in planted}, found)
    if hashes:
        result["hashes"] = {name: hashed(name, all_seen, planted) for name in HASHES}
    return result


def scored(pairs: set[tuple[str, str]], planted: set[tuple[str, str]]) -> dict[str, Any]:
    found, wanted = {frozenset(pair) for pair in pairs}, {frozenset(pair) for pair in planted}
    right = len(found & wanted)
    return {
        "recall": round(right / len(wanted), 4),
        "precision": round(right / len(found), 4) if found else None,
        "false_pairs": len(found) - right,
    }


def by_change(done: dict[frozenset[str], tuple[str, ...]], found: set[frozenset[str]]) -> dict[str, float]:
    total, right = Counter[str](), Counter[str]()
    for pair, changes in done.items():
        for change in changes or ("none",):
            total[change] += 1
            right[change] += pair in found
    return {change: round(right[change] / total[change], 3) for change in sorted(total)}


def hashed(name: str, all_seen: Sequence[Seen], planted: set[tuple[str, str]]) -> dict[str, Any]:
    """imagededup's search with one of its hashes, scored at each distance."""
    began = time.perf_counter()
    encodings = {picture: hashes[name] for picture, _, _, hashes, _ in all_seen}
    found = hasher(name)(verbose=False).find_duplicates(
        encoding_map=encodings, max_distance_threshold=FARTHEST, scores=True, num_dist_workers=num_threads()
    )
    seconds = time.perf_counter() - began
    distances: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for one, others in found.items():
        for other, distance in others:
            distances[distance].add((min(one, other), max(one, other)))
    rows, pairs = {}, set[tuple[str, str]]()
    for distance in range(FARTHEST + 1):
        pairs |= distances[distance]
        rows[str(distance)] = scored(pairs, planted)
    return {"search_s": round(seconds, 1), "by_distance": rows}


def real_set(folder: Path, *, copies: int = 500) -> dict[str, Any]:
    """Copies planted among the pictures of a folder, or of a MedMNIST archive."""
    pictures = real_pictures(folder)
    names = sorted(pictures)
    chosen = names[:: max(1, len(names) // copies)][:copies]
    signatures = {name: glance(volume_of(picture)) for name, picture in pictures.items()}
    began = time.perf_counter()
    natural = {frozenset((pair.source, pair.copy)) for pair in alike(signatures)}
    seconds = time.perf_counter() - began
    planted = {(name, f"copy of {name}") for name in chosen}
    for number, name in enumerate(chosen):
        signatures[f"copy of {name}"] = glance(volume_of(copied(pictures[name], number)[0]))
    pairs = {(pair.source, pair.copy) for pair in alike(signatures)}
    original = {tuple(name.removeprefix("copy of ") for name in pair) for pair in pairs}
    explained = {pair for pair in original if pair[0] == pair[1] or frozenset(pair) in natural}
    right = {frozenset(pair) for pair in pairs} & {frozenset(pair) for pair in planted}
    return {
        "pictures": len(pictures),
        "search_s": round(seconds, 1),
        "pairs_there_already": len(natural),
        "planted": len(planted),
        "recall": round(len(right) / len(planted), 4),
        "unexplained_pairs": len(original) - len(explained),
    }


def real_pictures(folder: Path) -> dict[str, Array]:
    if folder.suffix == ".npz":
        archive = np.load(folder)
        return {
            f"{side}_{number:05d}": picture
            for side in ("train", "val", "test")
            for number, picture in enumerate(archive[f"{side}_images"])
        }
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".png", ".jpg", ".jpeg"))
    return {str(file.relative_to(folder)): np.asarray(Image.open(file).convert("L")) for file in files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--real", type=Path, nargs="*", default=[])
    parser.add_argument("--hashes", action="store_true")
    parser.add_argument("-o", "--out", type=Path)
    given = parser.parse_args()
    result = {
        "load_at_start": round(os.getloadavg()[0], 2),
        "real": {folder.name if folder.suffix else folder.parent.name: real_set(folder) for folder in given.real},
        "generated": [generated_set(count, hashes=given.hashes) for count in given.images],
    }
    print(json.dumps(result, indent=2))
    if given.out:
        write_result(given.out, result)


if __name__ == "__main__":
    main()
