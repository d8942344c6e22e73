"""Decides about rollouts from counts; knows nothing of screens."""
