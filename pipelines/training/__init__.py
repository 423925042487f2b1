"""The engines: cross-validation, tuning, and the checkpoints that let both go on after a crash."""
