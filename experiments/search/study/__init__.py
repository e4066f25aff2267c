"""What is tried: the Optuna study, what it begins with, and what the user fixes."""
