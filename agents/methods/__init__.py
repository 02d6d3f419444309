"""Methods are ways to answer: each takes a task and gives an answer, and a composite of methods is a method."""
