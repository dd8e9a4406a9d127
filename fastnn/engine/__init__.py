"""From layers to a compiled run: layout, plan, buffers, the runs, their threads."""
