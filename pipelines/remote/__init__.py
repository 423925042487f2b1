"""Training on another's machine: a script that holds all it needs, pushed once, watched, and its fits taken back."""
