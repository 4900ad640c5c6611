"""How good a prediction is: overlap, surfaces, intervals, tables. Knows arrays and spacing, no folders, no models."""
