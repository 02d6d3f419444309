"""Fitting of the router's tables: needs numpy, and nothing that plans imports it."""
