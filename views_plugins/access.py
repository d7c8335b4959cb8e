"""Who may see which view. A setting opens what reading records opens, and no more."""

from records.access import Reader, may_read
from views_plugins.registry import READ, Broken, Plugin


def may_see(user: Reader, view: Plugin | Broken) -> bool:
    if not may_read(user):
        return False
    own = view.permission != READ
    return not own or bool(user.is_active and user.has_perm(view.permission))
