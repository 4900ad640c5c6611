"""Whether splits, sites and scanners differ: in each number by effect size and test, and as a whole by a classifier."""
