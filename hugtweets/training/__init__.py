"""Fine-tuning: the trainer, its callbacks, and the ways to train: adapters, all weights, several accounts at once."""
