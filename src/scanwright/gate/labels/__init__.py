"""Labels held against each other: cut, scattered, mirrored, renumbered, interpolated or misplaced ones stand out."""
