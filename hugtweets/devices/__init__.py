"""Where to compute: which device, in which turn, on which thread or process, and how far the work is."""
