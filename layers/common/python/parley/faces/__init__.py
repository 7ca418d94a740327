"""How each API shows and takes the records. `registry.py` lists all; code that needs one imports only that one."""
