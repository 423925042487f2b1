"""This clone of the repository: rebuild its competition, switch it to another one, see what it lacks."""
