"""How notebooks come and go: new, taken, opened, imported from elsewhere, shared."""
