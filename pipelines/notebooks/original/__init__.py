"""A transcription beside its original: alignment on syntax trees, views of it, the figures it claims."""
