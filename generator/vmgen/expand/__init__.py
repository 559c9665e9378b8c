"""EXPAND: instances become the objects that will exist, with nothing left to decide."""
