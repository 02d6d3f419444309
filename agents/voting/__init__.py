"""Voting: what each of several answers comes to, which of them are the same, and which one the samples settle on."""
