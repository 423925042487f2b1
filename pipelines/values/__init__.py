"""The values that every room speaks: a competition, its data and folds, predictions, metrics, a kernel."""
