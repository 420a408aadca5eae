"""Files that data come in, read without trusting them."""
