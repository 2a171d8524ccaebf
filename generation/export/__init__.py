"""Sounds as files for someone else's session: format, level, edges, names and what the file says of itself.

    formats    what can be asked for
    edges      fades and loops
    loudness   how loud, and made so loud
    names      file names by the Universal Category System, safe everywhere
    metadata   what is known of a sound, as chunks and comments
    riff, tags the containers those go into
    write      all of it, in order, into a file
"""
