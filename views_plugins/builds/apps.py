from views_plugins.apps import PluginConfig


class BuildsConfig(PluginConfig):
    name = "views_plugins.builds"
