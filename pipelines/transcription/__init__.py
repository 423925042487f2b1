"""A transcription beside its original: alignment on syntax trees, likeness, the figures it claims."""
