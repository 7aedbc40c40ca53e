"""Raw posts: what a post is (``posts``), how an account's are stored (``timeline``) and shared (``shared``)."""
