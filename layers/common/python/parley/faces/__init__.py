"""The faces: one module per API, which says how the API shows and takes the records. `registry.py` lists all of them.

Code that needs only one face imports only that one.
"""
