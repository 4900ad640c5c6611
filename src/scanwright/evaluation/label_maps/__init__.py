"""Measures of label maps: overlap, surfaces, lesions, and what steps after the network are worth."""
