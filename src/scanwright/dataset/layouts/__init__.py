"""Ways in which people lay out a folder of scans and labels, one file each."""
