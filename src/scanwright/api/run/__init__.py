"""A run: its folder, and what happens in it, from the data to the report and the package."""
