"""Warnings about hookspecs and schemas, and automatic fixes."""
