"""What a secret is: the patterns that find one, and the one function that hides it."""
