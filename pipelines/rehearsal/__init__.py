"""The dress rehearsal: a notebook runs as a code competition's site would run it again, with rows nobody has seen."""
