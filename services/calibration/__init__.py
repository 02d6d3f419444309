"""Calibration: a user's own prompts over the catalog's rungs, what came of it, and how well a router does on it."""
