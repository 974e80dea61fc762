"""The parts of the dock: one concept each, one file each."""
