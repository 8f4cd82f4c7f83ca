"""Training submitted code again, in a process that sees nothing that it could cheat with."""
