"""Winners held against baselines, other runs and mixtures, and what can be told apart."""
