"""How a student learns from answers: the training set, losses and what stands beside them, steps, whole trainings."""
