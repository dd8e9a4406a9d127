"""The compiled loop that reads a program: workers, chunks of rows, tiles of weights."""
