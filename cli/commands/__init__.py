"""One module for each command. Each names its click command `command`."""
