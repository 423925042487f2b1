"""What every room needs and no number depends on: paths, files, locks, processes, errors, pages, plugins."""
