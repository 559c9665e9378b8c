"""READ: files become located values; nothing after this stage parses a file of the user's."""
