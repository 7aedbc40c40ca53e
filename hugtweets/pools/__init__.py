"""Base models that learned the posts of many accounts: finding them, and knowing which posts they have learned."""
