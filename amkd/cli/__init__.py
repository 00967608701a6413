"""The command line: flags, modes, help."""
