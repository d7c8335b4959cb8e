"""Who may curate. Reading is `records.access`; no setting opens curation to all."""

from records.access import Reader


def may_change_rules(user: Reader) -> bool:
    return _may(user, "crashes.change_rule")


def may_comment(user: Reader) -> bool:
    """Comment on guilties, hide and show them."""
    return _may(user, "crashes.change_guilty")


def _may(user: Reader, permission: str) -> bool:
    return bool(user.is_active and user.has_perm(permission))
