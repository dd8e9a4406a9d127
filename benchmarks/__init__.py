"""Benchmarks of fastnn: the peers side by side, and the asv suite."""
