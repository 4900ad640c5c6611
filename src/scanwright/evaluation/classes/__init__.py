"""Measures of what a classifier answered: from its probabilities and decisions beside the truth."""
