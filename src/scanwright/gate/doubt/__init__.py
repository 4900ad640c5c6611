"""Labels that a quick model which has not seen them disagrees with."""
