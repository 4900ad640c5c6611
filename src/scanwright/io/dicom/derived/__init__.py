"""What is made from images: segmentations, structure sets, measurement reports, captures; read and written."""
