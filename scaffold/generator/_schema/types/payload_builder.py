"""Builds the typed form of a payload: its type, and the residual that only the schema enforces."""

from scaffold.generator import ir
from scaffold.generator._schema.documents.documents import Document
from scaffold.generator._schema.types.enforcement_ledger import EnforcementLedger
from scaffold.generator._schema.types.residual_schema import ResidualBuilder, keyword_pointers
from scaffold.generator._schema.types.type_builder import TypeBuilder


def build_payload(
    builder: TypeBuilder, document: Document, schema: ir.Json, name: str
) -> ir.Payload:
    """Declare the type of a payload, and return the payload.

    Args:
        builder: Keeps the types that payloads of one kind share.
        document: The schema document of the payload.
        schema: The same schema, self-contained.
        name: The name of the type.
    """
    constraints = builder.reader.collect((document.value,))
    if constraints.empty_object:
        return ir.Payload(None, schema, object=True)
    builder.declare_payload(document.value, constraints, name)
    residual, left = _residual(builder, document, schema, name)
    is_object = builder.reader.allows_only_objects(constraints)
    return ir.Payload(ir.Reference(name), schema, is_object, bool(left), residual, left)


def _residual(
    builder: TypeBuilder, document: Document, schema: ir.Json, name: str
) -> tuple[ir.Json, tuple[str, ...]]:
    """Return the keywords that the type of a payload leaves to its schema.

    They are returned as a residual schema, `None` if that is not shorter, and as JSON Pointers.
    """
    ledgers = builder.ledgers_of(name)
    if not any(ledger.left for ledger in ledgers):
        return None, ()
    residual = ResidualBuilder(builder.documents, document.value, EnforcementLedger.of(ledgers))
    if not residual.needed:
        return None, ()
    remaining = residual.schema()
    return remaining, tuple(keyword_pointers(builder.documents, document, schema, residual.left))
