"""Why a schema refuses a value: a walk with a budget, instead of every error of every member."""
