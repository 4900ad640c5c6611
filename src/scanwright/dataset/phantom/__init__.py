"""A generated abdomen: an embedded example that trains in minutes and looks like a scan. No patient is in it."""
