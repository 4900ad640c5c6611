"""Numbers that stand for an image, tables of them, and classical models that learn from such tables."""
