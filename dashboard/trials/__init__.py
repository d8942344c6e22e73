"""What the tests that a person fires have shown: pure, folded from steps, one file a test."""
