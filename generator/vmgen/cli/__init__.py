"""The command line: each command parses its options, calls the stages, prints, and returns whether the answer is yes."""
