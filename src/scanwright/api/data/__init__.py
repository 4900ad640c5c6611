"""Data sets looked at and told of: the gate, the card, the page, and what merging needs."""
