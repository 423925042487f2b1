"""What every room needs and no number depends on: paths, files, locks, processes, errors, pages, plugins."""

DECIDES_NO_NUMBER = True  # see sources.py
