"""The verbs of the command line: one module each, one function each, which returns its exit status.

0 done · 1 findings · 2 usage or missing answers · 3 conflicts for a person · 4 precondition ·
5 a plugin failed · 70 our bug · 130 interrupted.
"""
