"""What is measured: one module per speed or fault case, each with a table `CASES`."""
