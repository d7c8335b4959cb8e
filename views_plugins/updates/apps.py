from views_plugins.apps import PluginConfig


class UpdatesConfig(PluginConfig):
    name = "views_plugins.updates"
    verbose_name = "Updates"
