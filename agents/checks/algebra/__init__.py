"""Whether two written answers mean the same mathematically; it runs in the sandbox and imports only itself."""
