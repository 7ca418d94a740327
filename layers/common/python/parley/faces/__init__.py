"""How each API shows and takes the records. `registry.py` lists all faces; who needs one only imports that one."""
