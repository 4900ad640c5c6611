"""What was found in an image, and where: regions of anatomy, findings, and how findings change between studies."""
