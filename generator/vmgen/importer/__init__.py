"""`vmgen import`: existing manifests converted to an environment file, verified by rendering it."""
