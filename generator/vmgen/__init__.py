"""vmgen: a short environment file becomes the committed manifests of a fleet of virtual machines."""

__version__ = "0.1.0"
