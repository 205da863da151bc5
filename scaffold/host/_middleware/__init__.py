"""Middleware around the calls of hooks; metrics and traces are the outermost one."""
