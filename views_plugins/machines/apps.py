from views_plugins.apps import PluginConfig


class MachinesConfig(PluginConfig):
    name = "views_plugins.machines"
    verbose_name = "Machines"
