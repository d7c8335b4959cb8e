"""Why a request is refused: a code word, the field, and words for a person (pure)."""

from enum import StrEnum


class Code(StrEnum):
    """Reasons to refuse. Most carry the name of the value that is wrong."""

    TELEMETRY_ID = "telemetry_id"
    MISSING = "missing"
    RECORD_FORMAT_VERSION = "record_format_version"
    SEVERITY = "severity"
    CLASSIFICATION = "classification"
    MACHINE_ID = "machine_id"
    CREATION_TIMESTAMP = "creation_timestamp"
    ARCH = "arch"
    HOST_TYPE = "host_type"
    KERNEL_VERSION = "kernel_version"
    BOARD_NAME = "board_name"
    CPU_MODEL = "cpu_model"
    BIOS_VERSION = "bios_version"
    EVENT_ID = "event_id"
    SYSTEM_NAME = "system_name"
    BUILD = "build"
    PAYLOAD_FORMAT_VERSION = "payload_format_version"
    JSON = "json"
    BATCH = "batch"
    ENCODING = "encoding"
    BODY = "body"
    TOO_LARGE = "too_large"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(code.value, code.value.replace("_", " ")) for code in cls]


class Refusal(Exception):
    """A request that cannot become a record. ``field`` is the client's name of it."""

    def __init__(
        self, code: Code, message: str, field: str = "", status: int = 400
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.status = status

    def as_dict(self) -> dict[str, str]:
        return {"message": self.message, "field": self.field, "code": self.code.value}
