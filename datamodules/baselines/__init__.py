"""What a head's figures are held against: models without a network, on the same targets."""
