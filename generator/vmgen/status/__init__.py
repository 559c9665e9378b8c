"""Status: what is live, from a dump of the cluster, against what is committed. No connection is opened."""
