"""What is written to the disk: whole files, and the parts of a model as plain data."""
