from views_plugins.apps import PluginConfig


class JournalConfig(PluginConfig):
    name = "telemetry_journal"
    verbose_name = "Journal"
