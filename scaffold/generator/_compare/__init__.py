"""The judge: two versions of a kind compared in meaning, for hosts, for plugins and for chains.

Pure: two kinds in, a report out (`kinds.py`). What asks for which version is in `semver_policy.py`.
"""
