"""The floor of processes and adapters: HTTP, Celery, Redis Streams, SQL, model servers, tracing, command line."""
