"""Delivery: the files of Argo CD and Flux for the environments that ask for them."""
