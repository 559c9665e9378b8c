"""EXPAND: build the objects of an environment from its instances; every value is final."""
