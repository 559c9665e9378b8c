"""What makes the project's own pages; not part of the installed tool."""
