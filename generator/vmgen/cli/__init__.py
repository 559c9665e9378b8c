"""The command line: options become calls, answers become exit codes. No decision is made here."""
