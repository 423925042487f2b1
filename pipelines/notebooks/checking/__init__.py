"""The self-check of a kernel: its steps, the look into its namespace, advice, secrets."""
