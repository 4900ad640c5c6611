"""Measures of predicted quantities."""
