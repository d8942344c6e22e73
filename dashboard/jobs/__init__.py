"""What the screens set going: the engines of `probes`, run in a thread and told as events."""
