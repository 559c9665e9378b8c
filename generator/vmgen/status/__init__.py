"""Status: compare the live objects in a dump of the cluster with the committed ones. No connection is opened."""
