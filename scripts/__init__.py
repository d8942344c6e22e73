"""Commands behind the Makefile: set-up, start, stop and the test layers."""
