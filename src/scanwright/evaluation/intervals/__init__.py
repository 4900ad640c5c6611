"""How sure a figure is: patients drawn again, intervals, paired tests, and how many patients would do."""
