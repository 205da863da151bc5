"""From a hookspec file to the intermediate representation."""
