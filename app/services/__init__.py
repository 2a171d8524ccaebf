"""What the page can ask for, as plain Python: dataclasses in, dataclasses out. Knows nothing of gradio."""
