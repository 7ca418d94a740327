"""Shared by all processes of one stack: the plan of the run, functions, reports at the terminal, child processes."""
