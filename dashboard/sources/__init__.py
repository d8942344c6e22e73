"""Where the facts come from: each source is asked again and again in a thread of its own."""
