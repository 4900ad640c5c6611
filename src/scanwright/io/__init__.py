"""Files to volumes and back: NIfTI, MetaImage, NRRD, PNG, JPEG, TIFF, BMP. `formats` is the door; `guard` stands before it."""
