from views_plugins.apps import PluginConfig


class StatsConfig(PluginConfig):
    name = "views_plugins.stats"
