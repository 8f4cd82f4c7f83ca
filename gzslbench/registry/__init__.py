"""Finding plugins, and what they declare, register and set."""
