"""Shows what the gateway does, in the terminal and headless."""
