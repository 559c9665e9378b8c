"""RENDER: objects become the text of manifests, and the text is read back and compared with what was meant."""
