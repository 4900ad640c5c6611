"""Arrays in, pictures out: overlays as PNG, plots as SVG. Knows no cases, runs or folders, and writes no sentences."""
