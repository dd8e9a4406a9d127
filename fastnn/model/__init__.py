"""Sequential, and what a person does with it: train, look into it, save it."""

from fastnn.model.sequential import Sequential as Sequential
