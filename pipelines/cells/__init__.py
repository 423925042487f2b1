"""Notebooks as cells: read, written as a script, parsed as Python, shown as a page."""
