"""What the kinds that look at an image as a whole share."""
