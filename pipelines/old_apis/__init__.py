"""What libraries have removed over the years: how it is found in a notebook, and rewritten."""
