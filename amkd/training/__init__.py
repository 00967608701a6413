"""The training of a network on answers: recipe, losses, step, loop."""
