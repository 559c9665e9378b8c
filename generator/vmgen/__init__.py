"""vmgen: a short environment file becomes the committed manifests of a fleet of virtual machines."""

__version__ = "0.1.0"
# The address of the documentation, without a slash at the end. Messages link to it only where it is set.
HOMEPAGE = ""
