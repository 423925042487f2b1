"""A stand-in for Kaggle and Dacon on this machine, to rehearse on: real files, real grading, no network."""
