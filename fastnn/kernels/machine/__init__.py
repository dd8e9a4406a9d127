"""The machine beneath: compilation, the disk cache, memory, vectors, products in registers."""
