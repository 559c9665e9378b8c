"""The only modules that open files: one reads, one writes. Nothing is read or written that a link leads out to."""
