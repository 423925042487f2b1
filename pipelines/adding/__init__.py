"""A competition that nobody has prepared: its files looked at, and a first competition file written of them."""
