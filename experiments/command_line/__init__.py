"""What all commands share at the terminal: options from words and files, help, mistakes, completion."""
