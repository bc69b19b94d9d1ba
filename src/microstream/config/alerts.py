"""The section `alerts`: rules, the shipped ones among them, and who is told. docs/alerts.md explains every key."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from microstream.config import alert_mistakes as said
from microstream.config.alert_values import (
    NOT_HERE,
    Allowed,
    Globs,
    Hours,
    Lasting,
    Number,
    PathText,
    PathTexts,
    Scalar,
    Severity,
    Template,
    Truth,
    Variable,
)
from microstream.config.document import parse
from microstream.config.places import nearest
from microstream.config.section import Duration, Section

SHIPPED = Path(__file__).with_name("shipped_alerts.yaml")
"""The rules that come with the service, as anyone would write them."""

CONDITIONS = ("above", "below", "outside", "is", "present")
"""Keys of which a rule has exactly one."""


class AlertRule(Section):
    """A rule, or what is different in a shipped one of the same name. None: not said here."""

    enabled: bool | None = Field(default=None, description="false switches the rule off")
    on: Globs | None = Field(default=None, description="channels that it looks at, as globs")
    where: dict[str, Allowed] | None = Field(
        default=None, description="messages that it looks at: paths, and the value or values that stand there"
    )
    value: PathText | None = Field(default=None, description="path of the value in the message")
    above: Number | None = Field(default=None, description="holds for value > this")
    below: Number | None = Field(default=None, description="holds for value < this")
    outside: Number | None = Field(default=None, description="holds for |value| >= this")
    is_: Scalar | None = Field(default=None, alias="is", description="holds where the value equals this")
    present: Truth | None = Field(default=None, description="true: holds where the value is known")
    clear: Number | None = Field(
        default=None, description="threshold at which it ends, on the calm side of the other"
    )
    for_: Duration | None = Field(
        default=None, alias="for", description="how long it must hold before it is raised"
    )
    lasts: Lasting | None = Field(default=None, description="of events: cleared so long after the last one")
    cool_down: Duration | None = Field(
        default=None, description="not raised again so soon after it was cleared"
    )
    severity: Severity | None = Field(default=None, description="info, warning or critical")
    group: Duration | None = Field(
        default=None, description="what happens so soon after another is sent with it"
    )
    quiet_hours: Hours | None = Field(
        default=None, description="hours in which it is sent later, unless critical"
    )
    distinct: PathTexts | None = Field(
        default=None, description="paths that tell conditions of one subject apart"
    )
    text: Template | None = Field(default=None, description="the sentence, with placeholders in braces")

    @property
    def conditions(self) -> dict[str, Any]:
        """The conditions that are named, by key."""
        named = {key: getattr(self, _FIELDS[key]) for key in CONDITIONS}
        return {key: value for key, value in named.items() if value is not None}

    def over(self, shipped: "AlertRule") -> "AlertRule":
        """Return a shipped rule with what is said here; a condition takes the place of the other one."""
        named = {name: getattr(self, name) for name in self.model_fields_set}
        if self.conditions:
            named = dict.fromkeys(map(_FIELDS.__getitem__, CONDITIONS)) | named
        if not self.conditions.keys().isdisjoint(("is", "present")):
            named = {"clear": None} | named
        return shipped.model_copy(update=named)

    @model_serializer(mode="wrap")
    def _named(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Print what is said, under the names of the file."""
        values = handler(self)
        return {key: values[name] for key, name in _FIELDS.items() if name in self.model_fields_set}


_FIELDS = {field.alias or name: name for name, field in AlertRule.model_fields.items()}
"""Field by key: `for` and `is` are words of Python."""


class AlertDelivery(Section):
    """Who is told: a service of the notification library. The URL stands in the environment."""

    enabled: bool = Field(default=True, description="whether anything is sent there")
    url_env: Variable = Field(description="name of the environment variable that holds the service's URL")
    severity: Severity = Field(default="warning", description="the least that is sent there")

    @model_validator(mode="before")
    @classmethod
    def _no_secrets(cls, raw: object) -> object:
        if isinstance(raw, str):
            raise ValueError(NOT_HERE)  # noqa: TRY004  # as above
        if isinstance(raw, dict) and "url" in raw:
            raise _refusal([(("url",), NOT_HERE)])
        return raw


class Alerts(Section):
    """Alerts: rules over everything that is published, and who is told of them."""

    enabled: bool = Field(default=True, description="whether rules are looked at; channels alert:*")
    shipped: bool = Field(
        default=True, description="whether the rules that come with the service are among them"
    )
    quiet_hours: Hours = Field(
        default=(), description="of rules without their own: [22:00-07:00 Europe/Berlin]"
    )
    rules: Annotated[dict[str, AlertRule], BeforeValidator(lambda raw: {} if raw is None else raw)] = Field(
        default={}, description="by name: rules, or what is different in a shipped rule of the name"
    )
    deliveries: Annotated[
        dict[str, AlertDelivery], BeforeValidator(lambda raw: {} if raw is None else raw)
    ] = Field(default={}, description="by name: url_env (variable that holds the URL), severity (warning)")

    def effective(self) -> dict[str, AlertRule]:
        """Return the complete rules: the shipped ones with what is said of them here, then the others."""
        shipped = shipped_rules() if self.shipped else {}
        own = {
            name: rule.over(shipped[name]) if name in shipped else rule for name, rule in self.rules.items()
        }
        return {**shipped, **own}

    @model_validator(mode="wrap")
    @classmethod
    def _fits(cls, raw: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Look at what keys say together, in each rule whose keys are right one by one, and tell all at once."""
        refused: list[InitErrorDetails] = []
        try:
            alerts = handler(raw)
        except ValidationError as error:
            refused = [_again(detail) for detail in error.errors(include_url=False)]
            alerts = cls.model_construct(**_readable(raw))
        wrong: list[tuple[tuple[str, ...], str]] = [
            ((group, name), text) for group, name in _names(raw) for text in said.of_name(name)
        ]
        effective = alerts.effective() if alerts.rules else {}
        for name in alerts.rules:
            found = said.of_rule(_view(effective[name]), alike=nearest(name, shipped_rules()))
            wrong += [(("rules", name, *key), text) for key, text in found]
        if wrong or refused:
            raise _refusal(wrong, refused)
        return alerts


def _view(rule: AlertRule) -> Mapping[str, Any]:
    """Return what a rule says, by key."""
    return {key: getattr(rule, name) for key, name in _FIELDS.items()}


@cache
def shipped_rules() -> dict[str, AlertRule]:
    """Return the rules that come with the service, by name."""
    document = parse(SHIPPED.read_text("utf-8"), SHIPPED.name)
    return {name: AlertRule.model_validate(rule) for name, rule in document.values.items()}


def _groups(raw: object, group: str) -> dict[str, object]:
    """Return the groups by name in what was written."""
    found = raw.get(group) if isinstance(raw, dict) else None
    return (
        {name: value for name, value in found.items() if isinstance(name, str)}
        if isinstance(found, dict)
        else {}
    )


def _names(raw: object) -> list[tuple[str, str]]:
    return [(group, name) for group in ("rules", "deliveries") for name in _groups(raw, group)]


def _readable(raw: object) -> dict[str, Any]:
    """Return the part of a section with mistakes whose keys can be looked at together."""
    rules = {}
    for name, rule in _groups(raw, "rules").items():
        with suppress(ValidationError):
            rules[name] = AlertRule.model_validate(rule)
    return {"shipped": not isinstance(raw, dict) or raw.get("shipped") is not False, "rules": rules}


def _refusal(
    wrong: list[tuple[tuple[str, ...], str]], others: Iterable[InitErrorDetails] = ()
) -> ValidationError:
    """Return the error that says of each key what is wrong with it."""
    own = [
        InitErrorDetails(type=PydanticCustomError("alert", "{reason}", {"reason": text}), loc=key, input=None)
        for key, text in wrong
    ]
    return ValidationError.from_exception_data("alerts", [*others, *own])


def _again(detail: ErrorDetails) -> InitErrorDetails:
    """Return a mistake as it was told, to be told with others."""
    kind = PydanticCustomError(detail["type"], "{kind}", {"kind": detail["type"], **detail.get("ctx", {})})
    return InitErrorDetails(type=kind, loc=detail["loc"], input=detail["input"])
