"""The page of CLVAP Studio: settings, the services behind it, and its user interface."""
