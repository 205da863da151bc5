"""The base class of every generated payload model."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from scaffold.contract._json.types import Json
from scaffold.contract._unions.cost import may_have_unions


class Model(BaseModel):
    """The base of payload classes. A model is never stricter than its schema, and changes no value.

    Undeclared properties are kept, unless the schema forbids them.
    """

    if not TYPE_CHECKING:  # type checkers use the declaration of pydantic
        __pydantic_extra__: dict[str, Json]

    model_config = ConfigDict(
        strict=True,
        extra="allow",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
        ser_json_inf_nan="constants",  # not `null`: `Payload.dump` then refuses them
        protected_namespaces=(),
    )

    @classmethod
    @override
    def __pydantic_on_complete__(cls) -> None:
        """Replace the readers of costly unions by readers in linear time (ADR-0032)."""
        super().__pydantic_on_complete__()
        core_schema = cls.__pydantic_core_schema__
        if may_have_unions(core_schema):
            from scaffold.contract._unions.guard import linear_union_codec

            guarded = linear_union_codec(core_schema, None)
            if guarded is not None:
                cls.__pydantic_validator__, cls.__pydantic_serializer__ = guarded
