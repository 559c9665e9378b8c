"""Format problems, plans, tables and explanations for people, scripts and CI systems; one module per kind of output."""
