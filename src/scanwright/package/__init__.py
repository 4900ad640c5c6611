"""What is deployed: one canonical archive, its manifest, and readers that trust no byte of it. Only weights need torch."""
