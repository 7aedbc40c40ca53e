"""New posts: decoding, sampling, and the marks that a generated post carries wherever it goes."""
