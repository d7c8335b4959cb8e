"""The site's own settings, with the view of `pictures` beside the others."""

from telemetry_site.settings import *  # noqa: F403

ROOT_URLCONF = "tests.browser.pictures"
