"""What the processes of one stack share: the plan of the run, functions, reports to the terminal, child processes."""
