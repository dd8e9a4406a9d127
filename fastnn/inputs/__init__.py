"""What a user passes, read and checked once: settings, names, arrays, rows and targets."""
