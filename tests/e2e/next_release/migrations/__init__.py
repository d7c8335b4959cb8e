"""The migrations of `records`, and those that its next release adds to them."""

from pkgutil import iter_modules

from records import migrations

LAST = max(module.name for module in iter_modules(migrations.__path__))
__path__ += migrations.__path__
