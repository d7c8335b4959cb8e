"""What people ask pages for, and the changes of rules they propose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError

from crashes import curation, exchange, guilty, judging
from crashes.backtrace import LONGEST_NAME
from crashes.curation import RuleSet
from crashes.guilty import RuleKind
from crashes.models import Frame, Rule, RulesVersion
from records.scope import Scope

WINDOWS = {"1": "today", "7": "7 days", "14": "14 days", "30": "30 days", "all": "all"}
SHOWN = ("10", "50", "500")
LONGEST_COMMENT = 10_000
_LONGEST_NOTE = 300


class InvalidQuestion(Exception):
    """Parameters that make no sense; ``errors`` are messages by parameter."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


# --- Questions ----------------------------------------------------------------------


class QuestionForm(forms.Form):
    days = forms.ChoiceField(choices=list(WINDOWS.items()), required=False)
    shown = forms.ChoiceField(choices=[(n, n) for n in SHOWN], required=False)
    hidden = forms.BooleanField(required=False)
    system_name = forms.CharField(required=False, strip=False, max_length=LONGEST_NAME)
    build = forms.CharField(required=False, strip=False, max_length=LONGEST_NAME)
    machine_id = forms.CharField(required=False, max_length=100)
    below = forms.IntegerField(required=False, min_value=0, max_value=2**63 - 1)


@dataclass(frozen=True)
class Question:
    """Which crashes a page is asked for."""

    days: str = "7"
    shown: int = 10
    hidden: bool = False
    system_name: str = ""
    build: str = ""
    machine_id: str = ""
    below: int | None = None

    @property
    def window(self) -> str:
        return WINDOWS[self.days]

    def scope(self, today: date | None = None) -> Scope:
        limits = Scope() if self.days == "all" else Scope.last_days(int(self.days))
        return replace(limits, system_name=self.system_name, version=self.build)

    def query_with(self, **changes: Any) -> str:
        """The query of an address for this question, with these parameters instead."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        chosen = {**values, **changes}
        chosen["hidden"] = "on" if chosen["hidden"] else ""
        return urlencode({name: value for name, value in chosen.items() if value})


def question(parameters: Mapping[str, Any], *, days: str) -> Question:
    """The question of a page; raises InvalidQuestion. ``days``: when none are given."""
    form = QuestionForm(parameters)
    if not form.is_valid():
        errors: dict[str, list[str]] = {
            str(name): [str(message) for message in messages]
            for name, messages in form.errors.items()
        }
        raise InvalidQuestion(errors)
    given = form.cleaned_data
    return Question(
        days=given["days"] or days,
        shown=int(given["shown"] or SHOWN[0]),
        hidden=given["hidden"],
        system_name=given["system_name"],
        build=given["build"],
        machine_id=given["machine_id"],
        below=given["below"],
    )


class RulesQuestion(forms.Form):
    """Which rules a page lists."""

    STATES = {
        "": "all",
        "on": "on",
        "off": "switched off",
        "own": "added here",
        "idle": "without hits",
        "broad": "too broad",
    }

    q = forms.CharField(required=False, max_length=200)
    kind = forms.ChoiceField(
        choices=[("", "any"), *((kind.value, kind.value) for kind in RuleKind)],
        required=False,
    )
    state = forms.ChoiceField(choices=list(STATES.items()), required=False)
    rule = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    page = forms.IntegerField(required=False, min_value=1, max_value=10**6)


# --- Guilties -----------------------------------------------------------------------


class CommentForm(forms.Form):
    """A change of one guilty: its comment, or whether lists show it."""

    comment = forms.CharField(required=False, max_length=LONGEST_COMMENT)
    hidden = forms.TypedChoiceField(
        choices=[("true", "hide"), ("false", "show")],
        coerce=lambda value: value == "true",
        required=False,
        empty_value=None,
    )


# --- Changes of rules ---------------------------------------------------------------

KINDS = {
    RuleKind.IGNORE.value: "Skip this frame",
    RuleKind.IGNORE_WITH_ABOVE.value: "Skip it and everything above it",
    RuleKind.SENTINEL.value: "Start looking below it",
}
PLACES = {
    "module": "in exactly this module",
    "library": "in any version of this library",
    "anywhere": "in any module",
}


class Ids(forms.Field):
    """Several ids, each a parameter of its own."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[int]:
        try:
            ids = sorted({int(each) for each in value or ()})
        except (TypeError, ValueError):
            raise ValidationError("These are no ids.") from None
        if ids and not 0 < ids[0] <= ids[-1] < 2**31:
            raise ValidationError("These are no ids.")
        return ids


class ChangeForm(forms.Form):
    """A proposed change: the same fields are previewed, then applied."""

    ACTIONS = (
        "mark",
        "add",
        "remove",
        "switch_off",
        "switch_on",
        "import",
        "restore",
        "everything",
    )

    action = forms.ChoiceField(choices=[(each, each) for each in ACTIONS])
    frame = Ids(required=False)
    rule = Ids(required=False)
    version = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    kind = forms.ChoiceField(choices=list(KINDS.items()), required=False)
    where = forms.ChoiceField(choices=list(PLACES.items()), required=False)
    function = forms.CharField(required=False, max_length=LONGEST_NAME)
    module = forms.CharField(required=False, max_length=LONGEST_NAME)
    glob = forms.BooleanField(required=False)
    classification = forms.CharField(required=False, max_length=140)
    program = forms.CharField(required=False, max_length=LONGEST_NAME)
    reason = forms.CharField(required=False, max_length=exchange.LONGEST_REASON)
    mode = forms.ChoiceField(
        choices=[("add", "add"), ("replace", "replace")], required=False
    )
    rules = forms.CharField(required=False, strip=False)
    file = forms.FileField(required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        check = {
            "mark": self._check_mark,
            "add": self._check_add,
            "remove": self._check_rules,
            "switch_off": self._check_rules,
            "switch_on": self._check_rules,
            "import": self._check_import,
            "restore": self._check_restore,
        }.get(given.get("action", ""))
        if check and not self.errors:
            check(given)
        return given

    def _check_mark(self, given: dict[str, Any]) -> None:
        rows = Frame.objects.filter(id__in=given["frame"])
        found = dict(rows.values_list("id", "function"))
        if not found or len(found) < len(given["frame"]):
            raise ValidationError("Check at least one frame to mark it.")
        labels = judging.frames.of(found)
        if not all(guilty.is_markable(*labels[each]) for each in found):
            raise ValidationError("A frame that every program has is never guilty.")
        self._check_reason(given)

    def _check_add(self, given: dict[str, Any]) -> None:
        for name in ("function", "module"):
            if not given[name]:
                self.add_error(name, "A rule needs it.")
        self._check_reason(given)

    def _check_reason(self, given: dict[str, Any]) -> None:
        if not given["reason"]:
            self.add_error("reason", "Say why: whoever reads the rule next asks.")

    def _check_rules(self, given: dict[str, Any]) -> None:
        if not Rule.objects.filter(id__in=given["rule"]).exists():
            raise ValidationError("Choose at least one rule that is still there.")

    def _check_restore(self, given: dict[str, Any]) -> None:
        if not RulesVersion.objects.filter(id=given["version"]).exists():
            raise ValidationError("There is no such version.")

    def _check_import(self, given: dict[str, Any]) -> None:
        file, text = given["file"], given["rules"]
        if file:
            text = file.read().decode(errors="replace")
        try:
            given["imported"] = exchange.read(text)
        except exchange.BadRules as error:
            raise ValidationError(error.problems) from None
        given["rules"] = text

    # What it comes to.

    def after(self) -> RuleSet:
        """The rules as they would be."""
        change: dict[str, Callable[[], RuleSet]] = {
            "mark": lambda: curation.merged(curation.rules(), self._marked()),
            "add": lambda: curation.merged(curation.rules(), [self._typed()]),
            "remove": lambda: curation.without(self.cleaned_data["rule"]),
            "switch_off": lambda: self._switched(active=False),
            "switch_on": lambda: self._switched(active=True),
            "import": self._imported,
            "restore": self._restored,
            "everything": curation.rules,
        }
        return change[self.cleaned_data["action"]]()

    def _marked(self) -> list[guilty.Rule]:
        given = self.cleaned_data
        labels = judging.frames.of(given["frame"])
        return [
            guilty.Rule(
                0,
                labels[each][0],
                _where(labels[each][1], given["where"]),
                RuleKind(given["kind"] or RuleKind.IGNORE),
                glob=_where(labels[each][1], given["where"]) != labels[each][1],
                reason=given["reason"],
            )
            for each in given["frame"]
        ]

    def _typed(self) -> guilty.Rule:
        given = self.cleaned_data
        names = ("function", "module", "glob", "classification", "program", "reason")
        kind = RuleKind(given["kind"] or RuleKind.IGNORE)
        return guilty.Rule(id=0, kind=kind, **{name: given[name] for name in names})

    def _switched(self, *, active: bool) -> RuleSet:
        chosen = set(self.cleaned_data["rule"])
        return tuple(
            replace(rule, active=active) if rule.id in chosen else rule
            for rule in curation.rules()
        )

    def _imported(self) -> RuleSet:
        first = () if self.cleaned_data["mode"] == "replace" else curation.rules()
        return curation.merged(first, self.cleaned_data["imported"])

    def _restored(self) -> RuleSet:
        version = RulesVersion.objects.get(id=self.cleaned_data["version"])
        return tuple(map(judging.from_json, version.rules))

    @property
    def note(self) -> str:
        """What the history says of the change."""
        given = self.cleaned_data
        reason, n = given["reason"], len(given["rule"])
        rules = "1 rule" if n == 1 else f"{n} rules"
        text = {
            "mark": f"Never guilty: {self._names()}. {reason}",
            "add": f"Added {given['function']} [{given['module']}]. {reason}",
            "remove": f"Removed {rules}",
            "switch_off": f"Switched off {rules}",
            "switch_on": f"Switched on {rules}",
            "import": f"Imported {len(given.get('imported', ()))} rules",
            "restore": f"Restored version {given['version']}",
            "everything": "Judged everything again",
        }[given["action"]]
        return text if len(text) <= _LONGEST_NOTE else f"{text[: _LONGEST_NOTE - 1]}…"

    def _names(self) -> str:
        ids = self.cleaned_data["frame"]
        if not ids:
            return ""
        function, module = judging.frames.one(ids[0])
        others = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
        return f"{function} [{module}]{others}"

    @property
    def pairs(self) -> list[tuple[str, Any]]:
        """Names and values of hidden inputs that say the same again."""
        given = self.cleaned_data
        found = [("frame", each) for each in given["frame"]]
        found += [("rule", each) for each in given["rule"]]
        single = ("frame", "rule", "file", "glob", "imported")
        found += [
            (name, value)
            for name, value in given.items()
            if name not in single and value not in ("", None)
        ]
        return [*found, ("glob", "on")] if given["glob"] else found

    @property
    def messages(self) -> list[str]:
        """Everything that is wrong, in words."""
        return [
            f"{'' if name == '__all__' else f'{name}: '}{message}"
            for name, messages in self.errors.items()
            for message in messages
        ]


def _where(module: str, where: str) -> str:
    """A module, or the pattern of where else a rule applies."""
    if where == "anywhere":
        return "*"
    name, so, _ = module.partition(".so")
    return f"{name}.so*" if where == "library" and so else module
