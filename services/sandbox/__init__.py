"""Where model-written code runs: never in a plain process, and not at all where nothing can hold it."""
