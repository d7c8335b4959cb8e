from views_plugins.apps import PluginConfig


class MceConfig(PluginConfig):
    name = "views_plugins.mce"
    verbose_name = "Machine checks"
