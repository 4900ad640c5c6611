"""Text and marks burned into pictures: a detector that learned from generated ones, and what the gate makes of it."""
