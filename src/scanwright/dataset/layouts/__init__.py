"""Ways in which people lay out a folder of scans and labels, one file each: NAME, detect(root) and read(root,
declared).
"""
