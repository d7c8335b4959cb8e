"""The admin: what operators configure, and what machines sent, read-only.

Tables that grow are never counted: their lists page by a bounded paginator.
"""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.functional import cached_property

from records import telemetry_ids
from records.access import may_see_payload
from records.collector.refusal import Refusal
from records.erase import FactsLeftOver, erase
from records.models import (
    Build,
    Classification,
    Erasure,
    Hardware,
    Kernel,
    Kind,
    KindDay,
    ParserFailure,
    Record,
    RefusalPolicy,
    Refused,
    RetentionRule,
    RetentionRun,
    TelemetryId,
)
from records.purge import preview
from records.refused import take_in
from records.retention import Criterion

admin.site.site_header = "Telemetry"
admin.site.site_title = "Telemetry"
admin.site.index_title = "Configuration and records"

_LISTED = 10_000
_PREVIEW = 4096


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages through the first rows of a table of any size, without counting it all."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by("-pk").values("pk")[:_LISTED].count())


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To look at and to search, not to change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Record)
class RecordAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "received_at",
        "classification",
        "severity",
        "build",
        "machine_id",
        "external",
    )
    list_select_related = ("kind__classification", "build")
    list_filter = (
        ("kind__classification", admin.RelatedOnlyFieldListFilter),
        "kind__severity",
        "kind__external",
    )
    search_fields = ("=machine_id", "=id")
    search_help_text = "Machine id or record id, exact"
    ordering = ("-id",)
    sortable_by = ()
    show_full_result_count = False
    list_per_page = 50
    paginator = BoundedPaginator
    exclude = ("payload",)
    readonly_fields = ("shown_payload",)
    actions = ("erase_machines",)

    @admin.display(description="Classification")
    def classification(self, record: Record) -> Any:
        return record.kind.classification.name

    @admin.display(description="Severity")
    def severity(self, record: Record) -> Any:
        return record.kind.severity

    @admin.display(description="External", boolean=True)
    def external(self, record: Record) -> Any:
        return record.kind.external

    @admin.display(description="Payload")
    def shown_payload(self, record: Record) -> str:
        return record.payload

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        names = [f.name for f in Record._meta.fields if f.name != "payload"]
        return [*names, "shown_payload"] if may_see_payload(request.user) else names

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("records.delete_record")

    @admin.action(
        description="Erase everything of the machines of selected records",
        permissions=["erase"],
    )
    def erase_machines(
        self, request: HttpRequest, records: models.QuerySet[Record]
    ) -> HttpResponse | None:
        """Asks first: it cannot be undone."""
        machines = sorted(set(records.order_by().values_list("machine_id", flat=True)))
        if "confirmed" not in request.POST:
            return TemplateResponse(
                request,
                "admin/records/erase.html",
                {
                    **self.admin_site.each_context(request),
                    "title": "Erase machines",
                    "opts": self.opts,
                    "machines": machines,
                    "selected": records.values_list("pk", flat=True),
                },
            )
        for machine_id in machines:
            self._erase(request, machine_id)
        return None

    def _erase(self, request: HttpRequest, machine_id: str) -> None:
        try:
            done = erase(machine_id, request.user.get_username())
        except FactsLeftOver as error:
            text = f"Facts could not be deleted by: {error}"
            self.message_user(request, text, messages.ERROR)
        else:
            self.message_user(
                request,
                f"Erased {done.records} records and {done.other_rows} other rows.",
            )


@admin.register(Classification)
class ClassificationAdmin(ReadOnlyAdmin):
    search_fields = ("name",)


@admin.register(Kind)
class KindAdmin(ReadOnlyAdmin):
    list_display = (
        "classification",
        "severity",
        "external",
        "record_format_version",
        "payload_format_version",
        "telemetry_id",
    )
    list_select_related = ("classification", "telemetry_id")
    list_filter = ("severity", "external", "telemetry_id")
    search_fields = ("classification__name",)


@admin.register(Build)
class BuildAdmin(ReadOnlyAdmin):
    list_display = ("system_name", "version")
    list_filter = ("system_name",)
    search_fields = ("version",)


@admin.register(Hardware)
class HardwareAdmin(ReadOnlyAdmin):
    list_display = ("host_type", "board_name", "cpu_model", "bios_version", "arch")
    list_filter = ("arch",)
    search_fields = ("host_type", "board_name", "cpu_model")


@admin.register(Kernel)
class KernelAdmin(ReadOnlyAdmin):
    search_fields = ("version",)


@admin.register(TelemetryId)
class TelemetryIdAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("value", "label", "active", "accepted", "last_accepted")
    readonly_fields = ("created_at", "accepted", "last_accepted")

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .annotate(accepted_records=models.Subquery(_days_of_id("records", Sum)))
            .annotate(last_day=models.Subquery(_days_of_id("day", models.Max)))
        )

    @admin.display(description="Accepted records (digested)")
    def accepted(self, row: TelemetryId) -> int:
        return getattr(row, "accepted_records", None) or 0

    @admin.display(description="Last accepted on")
    def last_accepted(self, row: TelemetryId) -> object:
        return getattr(row, "last_day", None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # records point to it; an id is retired by making it inactive


def _days_of_id(column: str, aggregate: Any) -> models.QuerySet[KindDay, Any]:
    days = KindDay.objects.filter(kind__telemetry_id=models.OuterRef("pk"))
    grouped = days.order_by().values("kind__telemetry_id")
    return grouped.annotate(value=aggregate(column)).values("value")


@admin.register(RefusalPolicy)
class RefusalPolicyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("code", "quarantine")


@admin.register(Refused)
class RefusedAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "code", "message", "sender", "path", "record_id")
    list_filter = ("code", "quarantined")
    paginator = BoundedPaginator
    show_full_result_count = False
    exclude = ("body",)
    readonly_fields = ("shown_body",)
    actions = ("take_in",)

    @admin.display(description="Body (beginning)")
    def shown_body(self, refused: Refused) -> str:
        return bytes(refused.body)[:_PREVIEW].decode("utf-8", "backslashreplace")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        names = [f.name for f in Refused._meta.fields if f.name != "body"]
        return [*names, "shown_body"] if may_see_payload(request.user) else names

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super(ReadOnlyAdmin, self).has_delete_permission(request, obj)

    def has_take_in_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("records.change_refused")

    @admin.action(
        description="Take in again, under the rules of today", permissions=["take_in"]
    )
    def take_in(self, request: HttpRequest, refused: models.QuerySet[Refused]) -> None:
        known = telemetry_ids.active()
        taken = 0
        for each in refused.filter(record_id=None):
            try:
                take_in(each, known.get)
            except Refusal as refusal:
                self.message_user(
                    request, f"{each}: {refusal.message}", messages.WARNING
                )
            else:
                taken += 1
        self.message_user(request, f"Taken in: {taken}")


@admin.register(ParserFailure)
class ParserFailureAdmin(ReadOnlyAdmin):
    list_display = ("failed_at", "parser", "version", "record_id")
    list_filter = ("parser",)
    paginator = BoundedPaginator
    show_full_result_count = False


# --- Retention --------------------------------------------------------------------


@admin.register(RetentionRule)
class RetentionRuleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    change_list_template = "admin/records/retentionrule/change_list.html"
    list_display = ("criterion", "value", "days", "active", "reason")
    list_display_links = ("criterion", "value")
    list_filter = ("criterion", "active")
    search_fields = ("value", "reason")
    fields = ("criterion", "value", "days", "reason", "active")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["criterion", "value", "active"] if _is_default(obj) else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and not _is_default(obj)

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.preview)
        own = path("preview/", page, name="records_retentionrule_preview")
        return [own, *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """What the rules mean for the records that are stored now."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        shares = preview(datetime.now(UTC))
        context = {
            **self.admin_site.each_context(request),
            "title": "What the retention rules delete",
            "opts": self.opts,
            "shares": shares,
            "stored": sum(share.stored for share in shares),
            "due": sum(share.due for share in shares),
        }
        page = "admin/records/retentionrule/preview.html"
        return TemplateResponse(request, page, context)


def _is_default(rule: RetentionRule | None) -> bool:
    return rule is not None and rule.criterion == Criterion.DEFAULT


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnlyAdmin):
    list_display = ("started", "finished", "deleted", "error")
    fields = ("started", "finished", "deleted", "per_rule", "error")
    readonly_fields = ("per_rule",)

    @admin.display(description="Deleted by rule")
    def per_rule(self, run: RetentionRun) -> str:
        rules = RetentionRule.objects.in_bulk(list(map(int, run.by_rule)))
        deleted: Counter[str] = Counter()
        for pk, n in run.by_rule.items():
            deleted[str(rules.get(int(pk), "rules that are gone"))] += n
        return ", ".join(f"{name}: {n:,}" for name, n in deleted.items()) or "nothing"


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ("erased_at", "erased_by", "records", "other_rows", "machine_hash")
