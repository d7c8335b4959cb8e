from views_plugins.apps import PluginConfig


class ThermalConfig(PluginConfig):
    name = "views_plugins.thermal"
    verbose_name = "Thermal events"
