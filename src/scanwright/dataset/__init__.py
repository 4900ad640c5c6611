"""Data sets: what a folder of scans holds, whether it is sound, how it is split, and what it looks like in numbers."""
