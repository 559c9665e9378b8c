"""EXPLAIN: where each value of an object came from, and what a line of a file reaches. Sibling of COMPARE."""
