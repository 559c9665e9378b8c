"""User data: documents, templates, fragments, and all checks of what cloud-init would do with them."""
