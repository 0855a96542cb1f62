"""One module for each group of a paper's figures, measured by its cases."""
