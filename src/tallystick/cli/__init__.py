"""The command `tally`: one module per noun, each loaded only when it is used."""
