"""Raw posts: their schema, the timeline of an account that holds them, and its copy in a remote store."""
