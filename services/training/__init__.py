"""Trains the demo models. The only package that imports scikit-learn."""
