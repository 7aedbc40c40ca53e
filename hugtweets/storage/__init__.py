"""Where everything is kept: the home folder, its artifacts, their copies in a remote store, and atomic writes."""
