from views_plugins.apps import PluginConfig


class PopulationConfig(PluginConfig):
    name = "views_plugins.population"
    verbose_name = "Population"
