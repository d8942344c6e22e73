"""What must hold for the running stack, one check for each promise."""
