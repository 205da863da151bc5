"""Type annotations: what datamodel-code-generator writes, in the one spelling we use."""

import ast

from scaffold.generator.emit.python.layout import Bracket, Either, Row, Source, flat
from scaffold.generator.emit.python.literals import literal, text

__all__ = ["hint", "lazy", "parse"]


def hint(node: ast.expr) -> Source:
    """Say where the line of an annotation may be broken.

    `Union` and `Optional`, which are written around names that are not defined yet, become `|`
    inside one quoted annotation.
    """
    match node:
        case ast.Name("NoneType"):
            return "None"
        case ast.Name(name):
            return name
        case ast.Constant(value):
            return literal(value)
        case ast.UnaryOp(ast.USub(), ast.Constant(int() as value)):
            return literal(-value)
        case ast.BinOp(left, ast.BitOr(), right):
            return _either(left, right)
        case ast.Subscript(ast.Name("Union"), ast.Tuple(members)):
            return _either(*members)
        case ast.Subscript(ast.Name("Optional"), member):
            return _either(member, ast.Constant(None))
        case ast.Subscript(ast.Name(name), ast.Tuple(items)):
            return Row((name, Bracket("[", tuple(map(hint, items)), "]")))
        case ast.Subscript(ast.Name(name), item):
            return Row((name, Bracket("[", (hint(item),), "]", comma=False)))
        case _:
            raise ValueError(f"an annotation of an unknown form: {ast.unparse(node)}")


def parse(annotation: str) -> ast.expr:
    """Read an annotation."""
    return ast.parse(annotation, mode="eval").body


def lazy(node: ast.expr) -> str:
    """Quote a whole annotation, so that it may name what is not defined yet."""
    return text(flat(hint(_Unquote().visit(node))))


def _either(*nodes: ast.expr) -> Source:
    if any(isinstance(node, ast.Constant) and isinstance(node.value, str) for node in nodes):
        unquoted = [_Unquote().visit(node) for node in nodes]
        return text(flat(_either(*unquoted)))
    members: list[Source] = []
    for source in map(hint, nodes):
        members += source.members if isinstance(source, Either) else [source]
    return Either(tuple(members))


class _Unquote(ast.NodeTransformer):
    """Takes the quotes off names, and leaves the strings of a `Literal` alone."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        match node:
            case ast.Subscript(ast.Name("Literal")):
                return node
            case _:
                return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str):
            unquoted: ast.AST = self.visit(parse(node.value))
            return unquoted
        return node
