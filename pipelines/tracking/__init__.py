"""Records (the truth), the run store (their mirror) and the ledger of submissions."""
