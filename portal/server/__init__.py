"""The server process: the gunicorn worker, health checks and graceful shutdown."""
