"""The parts of the trainer, a subject a file; `clvap.train` puts them together. Axis legend as in clvap.model."""
