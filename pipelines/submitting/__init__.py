"""What stands between a CSV and a spent submission: guards, grading, the ledger row."""
