"""Seed prompts for the task types, a file each, and what fills their slots."""
