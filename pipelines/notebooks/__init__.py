"""Members' notebooks: shown a view of the competition per fold, run in a sandbox, checked, compared, shared."""
