"""Plugin contracts that hold in every process and every language."""
