"""Render the files of Argo CD and Flux for the environments with a `delivery:` section."""
