"""One page of the fleet: its data, and the document that it travels in. The sources of style and script lie beside."""
