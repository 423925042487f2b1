"""pilsa: a study group's competition workbench. The rooms are described in docs/architecture.md."""
