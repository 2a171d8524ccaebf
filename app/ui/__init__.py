"""The page itself, in gradio: one module a part. Handlers call one service method each."""
