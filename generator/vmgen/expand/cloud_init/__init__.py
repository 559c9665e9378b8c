"""Cloud-init: the forms in which an environment may write it, and the text that each VM gets."""
