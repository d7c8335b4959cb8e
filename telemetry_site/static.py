"""Static files: hashed and compressed where `collectstatic` ran, plain where not."""

from typing import IO, Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Whitenoise's storage, except that a site starts without `collectstatic` too."""

    manifest_strict = False

    def hashed_name(
        self, name: str, content: IO[Any] | None = None, filename: str | None = None
    ) -> str:
        try:
            hashed: str = super().hashed_name(name, content, filename)
        except ValueError:  # not collected: whitenoise finds it in the apps' folders
            return name
        return hashed
