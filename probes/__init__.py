"""Sends requests through the gateway; knows nothing of screens."""
