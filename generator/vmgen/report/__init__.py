"""REPORT: problems, changes and tables as people, scripts and CI systems read them."""
