"""Image files to volumes and back: NIfTI, MetaImage, NRRD, PNG, JPEG, TIFF. `formats` is the door, `guard` its keeper."""
