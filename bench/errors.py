"""What keeps a benchmark from giving a figure."""


class BenchError(Exception):
    """Nothing can be measured; the text says why and what to do."""
