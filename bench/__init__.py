"""Published figures: one script per table of docs/benchmarks.md. Linux only."""
