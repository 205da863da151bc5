"""Plugin contracts that hold in every process and every language."""

__version__ = "0.1.0"
"""Of the distribution. What is installed could be asked too, and takes 10 ms to say."""
