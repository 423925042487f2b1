"""The values that every room speaks, and the plumbing that every room needs."""
