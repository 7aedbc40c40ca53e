"""How well a model predicts what an account writes, and how freely it writes itself."""
