"""Fine-tuning a generator on a folder of sounds.

`recipe` says what; `pack`, `store` and `data` make what is learned from; `job` is a loaded model and what learns in it; `module`, `guard` and
`callbacks` are the training; `estimate` measures beforehand; `run` wires them.
"""
