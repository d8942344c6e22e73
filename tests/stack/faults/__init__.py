"""What may break, broken: a package, so that its clone is stopped when its tests are over."""
