"""Records (the truth), the run store (their mirror) and the ledger of submissions."""

DECIDES_NO_NUMBER = True  # see plumbing/sources.py
