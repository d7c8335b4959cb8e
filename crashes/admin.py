"""The admin of crashes. A change of rules goes through `curation`: a new version."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from crashes import (
    access,
    classes,
    curation,
    exchange,
    guilty,
    judging,
    presence,
    stats,
)
from crashes.api import answers
from crashes.curation import RuleSet
from crashes.models import (
    CrashClassification,
    CrashReport,
    Guilty,
    Rejudge,
    Rule,
    RulesVersion,
    TakenOver,
    Trace,
)
from records import database
from records.admin import BoundedPaginator, ReadOnlyAdmin

TOO_LARGE = "Too large for a page: manage.py import_rules takes files of any size."

_LARGEST_TEXT = 2_000_000
_LONGEST_NOTE = 300


def _author(request: HttpRequest) -> User:
    return cast(User, request.user)


# --- Guilties -----------------------------------------------------------------------


class GuiltyForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Guilty
        fields = ("comment", "hidden", "merged_into")
        help_texts = {
            "merged_into": "Its crashes are counted for that one instead; by its id."
        }

    def clean_merged_into(self) -> Guilty | None:
        target: Guilty | None = self.cleaned_data["merged_into"]
        if target is None:
            return None
        if target == self.instance:
            raise ValidationError("That is this guilty itself.")
        if target.merged_into_id is not None:
            raise ValidationError(
                f"{target} is merged into another one: name that, {target.merged_into}."
            )
        if Guilty.objects.filter(merged_into=self.instance).exists():
            raise ValidationError("Others are merged into this one: move them first.")
        return target


class CommentFilter(admin.SimpleListFilter):
    title = "comment"
    parameter_name = "has_comment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "With comment"), ("0", "Without")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "1":
            return queryset.exclude(comment="")
        return queryset.filter(comment="") if self.value() == "0" else queryset


class CountedList(ChangeList):
    """The rows of a page with their crashes, counted in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        counts = stats.crashes_of([row.pk for row in self.result_list])
        for row in self.result_list:
            row.crashes = counts[row.pk]


@admin.register(Guilty)
class GuiltyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = GuiltyForm
    list_display = (
        "function",
        "module",
        "crashes",
        "hidden",
        "comment",
        "merged_into",
    )
    list_select_related = ("frame", "merged_into__frame")
    list_filter = ("hidden", CommentFilter)
    search_fields = ("frame__function", "frame__module")
    search_help_text = "Part of the function or the module"
    ordering = ("-id",)
    sortable_by = ()
    show_full_result_count = False
    raw_id_fields = ("merged_into",)
    fields = ("function", "module", "crashes", "comment", "hidden", "merged_into")
    readonly_fields = ("function", "module", "crashes")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Guilty]:
        return super().get_queryset(request).select_related("frame")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CountedList

    def save_model(
        self, request: HttpRequest, obj: Guilty, form: Any, change: bool
    ) -> None:
        if "merged_into" in form.changed_data:
            database.own_digest()
            presence.uncount([obj.pk, obj.merged_into_id])
        super().save_model(request, obj, form, change)

    @admin.display(description="Function")
    def function(self, row: Guilty) -> str:
        return row.frame.function

    @admin.display(description="Module")
    def module(self, row: Guilty) -> str:
        return row.frame.module

    @admin.display(description="Crashes of its own")
    def crashes(self, row: Guilty) -> int:
        counted: int | None = getattr(row, "crashes", None)
        return stats.crashes_of([row.pk])[row.pk] if counted is None else counted

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # they come with crashes

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # traces point to it


# --- Rules --------------------------------------------------------------------------


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    module = forms.CharField(required=False)

    class Meta:
        model = Rule
        fields = exchange.KEYS
        widgets = {
            "function": forms.TextInput(attrs={"class": "vTextField"}),
            "program": forms.TextInput(attrs={"class": "vTextField"}),
            "classification": forms.TextInput(attrs={"class": "vTextField"}),
        }

    def clean(self) -> dict[str, Any]:
        values = {**(super().clean() or {})}
        if self.errors:
            return values
        try:
            rule = exchange.read_rule({name: values[name] for name in exchange.KEYS})
        except exchange.NoRule as error:
            raise ValidationError(
                {name: list(texts) for name, texts in error.errors.items()}
            ) from error
        same = {name: getattr(rule, name) for name in Rule.KEY}
        if Rule.objects.filter(**same).exclude(pk=self.instance.pk).exists():
            raise ValidationError("There is such a rule already.")
        return values

    def is_valid(self) -> bool:
        """One that is only previewed is not saved, and shown again."""
        return super().is_valid() and not self.previewed

    @property
    def previewed(self) -> bool:
        return "_preview" in self.data

    def after(self) -> RuleSet:
        """Today's rules with this one as it was filled in."""
        old = {self.instance.pk} if self.instance.pk else set()
        rule = exchange.read_rule(
            {name: self.cleaned_data[name] for name in exchange.KEYS}
        )
        return curation.changed([rule], old)


class ImportForm(forms.Form):
    """A file of rules, or its text once it was read."""

    file = forms.FileField(required=False, help_text="As exported, or a list of pairs.")
    text = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"class": "vLargeTextField"}),
        help_text="Or the text itself.",
    )
    replace = forms.BooleanField(
        required=False, help_text="These rules and no others; without: these as well."
    )
    note = forms.CharField(required=False, max_length=_LONGEST_NOTE)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        try:
            values["rules"] = exchange.read(self._text(values))
        except exchange.BadRules as error:
            raise ValidationError(error.problems) from error
        if len(exchange.export(values["rules"])) > _LARGEST_TEXT:
            raise ValidationError(TOO_LARGE)
        return values

    def _text(self, values: dict[str, Any]) -> str:
        file = values.get("file")
        if file is None:
            return str(values.get("text", ""))
        if file.size > _LARGEST_TEXT:
            raise ValidationError(TOO_LARGE)
        try:
            text: str = file.read().decode()
        except UnicodeDecodeError as error:
            raise ValidationError("The file is not UTF-8 text.") from error
        return text

    def after(self) -> RuleSet:
        rules: RuleSet = self.cleaned_data["rules"]
        if self.cleaned_data["replace"]:
            return rules
        return curation.merged(curation.rules(), rules)


@admin.register(Rule)
class RuleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = RuleForm
    change_form_template = "admin/crashes/rule/change_form.html"
    change_list_template = "admin/crashes/rule/change_list.html"
    list_display = (
        "function",
        "module",
        "kind",
        "active",
        "glob",
        "classification",
        "program",
        "reason",
        "author",
        "created_at",
    )
    list_select_related = ("author",)
    list_filter = ("kind", "active", "glob")
    search_fields = ("function", "module", "reason")
    actions = ("activate", "deactivate")

    # To change rules is one permission, whatever becomes of them.

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.may_change_rules(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_change_rules(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_change_rules(request.user)

    # Nothing is saved or deleted here: curation makes a version of it.

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        if not form.has_changed():
            return
        note = f"{'Changed' if change else 'Added'} in the admin: {obj}"
        self._change(request, form.after, note)
        obj.pk = Rule.objects.get(**{name: getattr(obj, name) for name in Rule.KEY}).pk

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        pk = obj.pk
        self._change(request, lambda: curation.without({pk}), f"Deleted: {obj}")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        ids = set(queryset.values_list("pk", flat=True))
        self._change(
            request, lambda: curation.without(ids), f"Deleted {len(ids)} rules"
        )

    @admin.action(description="Activate selected rules", permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._switch(request, queryset, active=True)

    @admin.action(description="Deactivate selected rules", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._switch(request, queryset, active=False)

    def _switch(
        self, request: HttpRequest, queryset: QuerySet[Rule], *, active: bool
    ) -> None:
        ids = set(queryset.exclude(active=active).values_list("pk", flat=True))
        if not ids:
            self.message_user(request, "Nothing to change.", messages.WARNING)
            return
        word = "Activated" if active else "Deactivated"
        self._change(
            request,
            lambda: _switched(ids, active=active),
            f"{word} {len(ids)} rules",
        )

    def _change(
        self, request: HttpRequest, make: Callable[[], RuleSet], note: str
    ) -> None:
        version = curation.change(
            make, note=note[:_LONGEST_NOTE], author=_author(request)
        )
        self.message_user(
            request,
            f"Version {version.pk}: {version.affected} traces are judged again.",
        )

    # Pages

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("export/", self._page(self.export), name="crashes_rule_export"),
            path("import/", self._page(self.take_in), name="crashes_rule_import"),
        ]
        return [*own, *super().get_urls()]

    def _page(self, view: Callable[[HttpRequest], HttpResponse]) -> Any:
        return self.admin_site.admin_view(view)

    def export(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        answer = HttpResponse(
            exchange.export(curation.rules()), content_type="application/json"
        )
        answer["Content-Disposition"] = 'attachment; filename="rules.json"'
        return answer

    def take_in(self, request: HttpRequest) -> HttpResponse:
        """A file is previewed first, and applied when that is confirmed."""
        if not access.may_change_rules(request.user):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        context = {
            **self.admin_site.each_context(request),
            "title": "Import rules",
            "opts": self.opts,
            "form": form,
        }
        if request.method == "POST" and form.is_valid():
            if "_apply" in request.POST:
                note = form.cleaned_data["note"] or "Import in the admin"
                self._change(request, form.after, note)
                return HttpResponseRedirect(reverse("admin:crashes_rule_changelist"))
            context |= self._previewed_import(form)
        return TemplateResponse(request, "admin/crashes/rule/import.html", context)

    def _previewed_import(self, form: ImportForm) -> dict[str, Any]:
        """The preview, and a form that holds the rules as they were read."""
        given = form.cleaned_data
        again = {name: given[name] for name in ("replace", "note")}
        text = exchange.export(given["rules"])
        return {
            "preview": answers.preview(curation.preview(form.after())),
            "read": len(given["rules"]),
            "form": ImportForm(initial={**again, "text": text}),
        }

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        form = context["adminform"].form
        if form.is_bound and form.previewed and not form.errors:
            context["preview"] = answers.preview(curation.preview(form.after()))
        # After a change the rule is another row: there is nothing to continue with.
        context |= {"show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)


def _switched(rule_ids: Collection[int], *, active: bool) -> tuple[guilty.Rule, ...]:
    return tuple(
        replace(rule, active=active) if rule.id in rule_ids else rule
        for rule in curation.rules()
    )


@admin.register(RulesVersion)
class RulesVersionAdmin(ReadOnlyAdmin):
    list_display = ("id", "created_at", "author", "note", "state", "progress")
    list_select_related = ("author",)
    list_filter = ("state",)
    search_fields = ("note",)
    fields = ("note", "author", "created_at", "state", "progress", "set_of_rules")
    readonly_fields = ("progress", "set_of_rules")
    actions = ("undo",)

    @admin.display(description="Judged again")
    def progress(self, version: RulesVersion) -> str:
        if version.state != RulesVersion.State.JUDGING:
            return f"{version.affected:,} traces"
        done = version.affected - Rejudge.objects.count()
        return f"{done:,} of {version.affected:,} traces"

    @admin.display(description="Rules")
    def set_of_rules(self, version: RulesVersion) -> str:
        return exchange.export(map(judging.from_json, version.rules))

    def has_undo_permission(self, request: HttpRequest) -> bool:
        return access.may_change_rules(request.user)

    @admin.action(description="Undo the newest version", permissions=["undo"])
    def undo(self, request: HttpRequest, queryset: QuerySet[RulesVersion]) -> None:
        newest = RulesVersion.objects.values_list("pk", flat=True).first()
        if list(queryset.values_list("pk", flat=True)) != [newest]:
            self.message_user(
                request, "Choose the newest version, and only that.", messages.ERROR
            )
            return
        version = curation.undo(author=_author(request))
        if version is None:
            self.message_user(request, "There is no change to undo.", messages.ERROR)
            return
        self.message_user(
            request,
            f"{version.note}: {version.affected} traces are judged again.",
        )


# --- Classifications ----------------------------------------------------------------


class ClassificationForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = CrashClassification
        fields = ("pattern", "backtrace", "active")

    def clean_pattern(self) -> str:
        pattern = str(self.cleaned_data["pattern"])
        parts = pattern.split("/")
        if any("*" in part.removesuffix("*") for part in parts):
            raise ValidationError("* stands only at the end of a component.")
        if not all(parts) or not pattern.isprintable():
            raise ValidationError("Components are separated by /, and none is empty.")
        return pattern


@admin.register(CrashClassification)
class CrashClassificationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = ClassificationForm
    list_display = ("pattern", "backtrace", "active")
    list_filter = ("backtrace", "active")

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: Any
    ) -> None:
        super().save_model(request, obj, form, change)
        classes.forget()


# --- What was reported --------------------------------------------------------------


@admin.register(CrashReport)
class CrashReportAdmin(ReadOnlyAdmin):
    list_display = (
        "record_id",
        "received_at",
        "program",
        "build",
        "machine_id",
        "external",
        "state",
    )
    list_select_related = ("trace__program", "build")
    search_fields = ("=record_id",)
    search_help_text = "Record id"
    ordering = ("-record_id",)
    sortable_by = ()
    show_full_result_count = False
    list_per_page = 50
    paginator = BoundedPaginator

    @admin.display(description="Program")
    def program(self, report: CrashReport) -> str:
        return str(report.trace.program)


@admin.register(Trace)
class TraceAdmin(ReadOnlyAdmin):
    list_display = ("id", "program", "classification", "shown_guilty", "version")
    list_select_related = ("program", "classification", "guilty__frame")
    search_fields = ("=id", "program__name")
    search_help_text = "Trace id, or part of the program"
    ordering = ("-id",)
    sortable_by = ()
    show_full_result_count = False
    list_per_page = 50
    paginator = BoundedPaginator
    fields = ("program", "classification", "shown_frames", "shown_guilty", "version")
    readonly_fields = ("shown_frames", "shown_guilty")

    @admin.display(description="Guilty")
    def shown_guilty(self, trace: Trace) -> str:
        return str(trace.guilty or "")

    @admin.display(description="Frames")
    def shown_frames(self, trace: Trace) -> str:
        found = judging.frames_of(trace.frames)
        return "\n".join(f"{frame.function} [{frame.module}]" for frame in found)


# --- What was imported --------------------------------------------------------------


@admin.register(TakenOver)
class TakenOverAdmin(ReadOnlyAdmin):
    list_display = ("source", "started", "records", "last_record")
    ordering = ("-started",)
    fields = ("source", "started", "records", "last_record", "shown_ranges")
    readonly_fields = ("shown_ranges",)

    @admin.display(description="Ids here")
    def shown_ranges(self, taken: TakenOver) -> str:
        return "\n".join(f"{first:,} to {last:,}" for first, last in taken.ranges)
