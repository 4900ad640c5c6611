"""What `tune` strings together: inner folds, the default plan in a share of the budget, workers, the outer comparison."""
