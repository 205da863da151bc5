"""The base class of every generated payload model."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from scaffold.contract.values import Json

__all__ = ["Model"]


class Model(BaseModel):
    """A payload's typed view: never stricter than its schema, never changing what it carries.

    Properties that the schema does not name are kept, unless the schema closes the object.
    """

    if not TYPE_CHECKING:  # to a type checker it is pydantic's: a dict, or nothing
        __pydantic_extra__: dict[str, Json]

    model_config = ConfigDict(
        strict=True,
        extra="allow",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
        ser_json_inf_nan="constants",  # never `null` in silence: what writes payloads refuses them
        protected_namespaces=(),
    )
