"""What the groups of keys and their values have in common."""

from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    model_validator,
)

from microstream.config.units import duration_text, seconds


def lower_case(raw: object) -> object:
    """Return text in lower case, anything else as it is."""
    return raw.lower() if isinstance(raw, str) else raw


# Text such as 10s in the file, seconds in the program.
Duration = Annotated[float, BeforeValidator(seconds), PlainSerializer(duration_text, return_type=str)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Section(BaseModel):
    """A group of keys: immutable, complete by its defaults, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_group(cls, raw: object) -> object:
        """A group whose keys are all commented out reads as null in YAML."""
        return {} if raw is None else raw
