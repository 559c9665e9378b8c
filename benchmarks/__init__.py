"""The benchmark: fleets of many sizes, rendered by vmgen and by its peers in one interleaved run."""
