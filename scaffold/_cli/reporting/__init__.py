"""What commands print: results, findings, errors and the logs of plugins."""
