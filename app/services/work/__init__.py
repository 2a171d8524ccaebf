"""What jobs do: one module a kind, each with `run(arguments, progress) -> result`. Imported in the job's process alone."""
