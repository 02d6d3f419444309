"""The floor that answers: a task and a context in, an answer out, with no I/O of its own."""
