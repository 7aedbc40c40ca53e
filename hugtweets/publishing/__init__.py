"""What leaves this machine on purpose: a model as others load it, its card, and the way to the Hugging Face Hub."""
