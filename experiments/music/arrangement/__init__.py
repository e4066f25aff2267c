"""What the written notes wear: parts, instruments and drums, another key, another metre."""
