"""Running a stranger's notebook: the sandbox, the process in it, its limits, and what became of it."""
