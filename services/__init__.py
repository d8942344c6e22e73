"""Serves the demo models: a FastAPI application per instance, and their training."""
