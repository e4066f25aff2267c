"""Songs in sections: the plan of one, and the heads that write by it."""
