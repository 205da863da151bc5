"""The Model Context Protocol, tools only, both eras: messages as values, no I/O.

Modern is revision 2026-07-28: every request carries its version, and there is no session. Legacy is
every revision before it: a session opens with `initialize`.
"""
