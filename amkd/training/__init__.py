"""Training a network on answers: recipe, losses, step, loop."""
