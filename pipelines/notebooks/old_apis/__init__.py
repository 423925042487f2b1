"""Kernels of some years ago: what their libraries have removed since, and how to mend it."""
