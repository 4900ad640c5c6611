"""What metrics.json says of a set of cases, in its order, whatever the kind of problem is."""

OF_CASES = ("cases", "patients", "overall", "by_class", "by_group", "by_group_and_class", "by_fold")
