"""One folder for each paper, one module for each group of its figures, measured by its cases."""
