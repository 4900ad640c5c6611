"""Where voxels are: affines, grids, volumes, axis orders, resampling. Pure values and functions; no files, no torch."""
