"""The floor that decides how to answer: a task and a catalog of rungs in, a plan out, with no I/O."""
