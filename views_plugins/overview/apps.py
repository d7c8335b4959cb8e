from views_plugins.apps import PluginConfig


class OverviewConfig(PluginConfig):
    name = "views_plugins.overview"
