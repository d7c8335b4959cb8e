"""Forms of the admin: channels and rules, checked before they are saved."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from alerts import conditions, targets
from alerts.delivery import recipients
from alerts.models import Channel, Rule

_SHORTEST_SECRET = 16
_MOST_RECIPIENTS = 20

Kind = Channel.Kind


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]
    """A secret is never shown; left empty, it stays as it is."""

    secret = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.PasswordInput(
            attrs={"autocomplete": "new-password", "class": "vTextField"}
        ),
        help_text="Signs what a webhook is sent; of at least 16 characters. Left "
        "empty, it stays as it is.",
    )

    class Meta:
        model = Channel
        fields = ("name", "kind", "target", "secret", "active")
        widgets = {"target": forms.TextInput(attrs={"class": "vLargeTextField"})}

    def clean_secret(self) -> str:
        return str(self.cleaned_data["secret"] or self.instance.secret)

    def clean(self) -> dict[str, Any]:
        values = {**(super().clean() or {})}
        if values.get("kind") == Kind.EMAIL:
            self._check_recipients(values.get("target", ""))
        elif "target" in values:
            self._check_url(values["target"])
        short = len(values.get("secret", "")) < _SHORTEST_SECRET
        if values.get("kind") == Kind.WEBHOOK and short:
            self.add_error("secret", "A webhook needs one of at least 16 characters.")
        return values

    def _check_recipients(self, target: str) -> None:
        found = recipients(target)
        if not 0 < len(found) <= _MOST_RECIPIENTS:
            self.add_error("target", "From 1 to 20 e-mail addresses are needed.")
        for each in found:
            try:
                validate_email(each)
            except ValidationError as error:
                self.add_error("target", error)

    def _check_url(self, target: str) -> None:
        try:
            targets.parse(target)
        except ValueError as error:
            self.add_error("target", str(error))


def _choices() -> list[tuple[str, str]]:
    return [(each.name, each.label) for each in conditions.registered()]


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """What is left empty is what the condition begins with."""

    condition = forms.ChoiceField(choices=_choices)
    threshold = forms.FloatField(
        required=False, help_text="Empty: what the condition begins with."
    )
    minimum = forms.FloatField(
        required=False,
        help_text="Less of it than this is too little to judge by. Empty: what the "
        "condition begins with.",
    )
    days = forms.IntegerField(
        required=False,
        help_text="Days that are looked at, with today. Empty: what the condition "
        "begins with.",
    )

    class Meta:
        model = Rule
        fields = (
            "name",
            "condition",
            "threshold",
            "minimum",
            "days",
            "system_name",
            "channels",
            "tell_over",
            "active",
            "muted_until",
        )

    def clean(self) -> dict[str, Any]:
        values = {**(super().clean() or {})}
        name = values.get("condition", self.instance.condition)
        condition = conditions.get(name)
        if condition is None:
            return values
        for each in ("threshold", "minimum", "days"):
            if each in values and values[each] is None:
                values[each] = getattr(condition, each)
        if values.get("system_name") and not condition.by_system:
            self.add_error(
                "system_name", "This condition is of all operating systems together."
            )
        return values
