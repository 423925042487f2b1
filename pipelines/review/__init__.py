"""The weekly page: gather, draw, render."""
