"""How the steps connect: one account, many accounts."""
