"""Running code that nobody here has read: isolation, the process in it, its limits, and what became of it."""
