"""Measures of found boxes."""
