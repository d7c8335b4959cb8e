"""Who may do what at which address: the table that test_roles.py goes through.

Columns are roles. `open` is nobody logged in where anonymous reading is on; the last
four are tokens of an admin with one scope each. A method that a row does not name is
shut for everybody.
"""

COLUMNS = (
    *("anonymous", "nobody", "viewer", "curator", "admin", "open"),
    *("read", "read-payload", "curate", "export"),
)
IN, LOGIN = "in", "login"

Row = dict[str, dict[str, str]]


def row(**methods: str) -> Row:
    """Outcomes by method and role; one word stands for all roles."""
    found = {}
    for method, text in methods.items():
        words = text.split()
        words = words * len(COLUMNS) if len(words) == 1 else words
        found[method] = dict(zip(COLUMNS, words, strict=True))
    return found


#                anonymous nobody viewer curator admin open  | tokens: read payload ...
_PAGE = "         login     403    in     in      in    in      login login login login"
_CURATOR = "      login     403    403    in      in    login   login login login login"
_PERSON = "       login     in     in     in      in    login   login login login login"
_API_READ = "     401       403    in     in      in    in      in    in    in    in"
_API_CURATE = "   401       403    403    in      in    401     403   403   in    403"

PAGE = row(GET=_PAGE)
CURATE = row(POST=_CURATOR)
CURATE_PAGE = row(GET=_CURATOR, POST=_CURATOR)
API = row(GET=_API_READ)
API_RULES = row(GET=_API_READ, POST=_API_CURATE)
API_CURATE = row(POST=_API_CURATE)
PUBLIC = row(GET=IN)
FORM = row(GET=IN, POST=IN)
ACCOUNT = row(GET=_PERSON)
ACCOUNT_FORM = row(GET=_PERSON, POST=_PERSON)
OUT = row(POST=LOGIN)
TO_LOGIN = row(GET=LOGIN, POST=LOGIN)
MOVED = row(GET=IN, POST=IN, PUT=IN, DELETE=IN)

VIEWS = ("overview", "builds", "stats", "population", "mce", "thermal", "updates")

# route: (a path that it matches, who may)
SITE: dict[str, tuple[str, Row]] = {
    "": ("", PAGE),
    "favicon.ico": ("favicon.ico", MOVED),
    "health": ("health", PAGE),
    "capacity": ("capacity", PAGE),
    # Accounts
    "login": ("login", FORM),
    "login/sso": ("login/sso", PUBLIC),
    "login/sso/return": ("login/sso/return", PUBLIC),
    "logout": ("logout", OUT),
    "account": ("account", ACCOUNT),
    "account/password": ("account/password", ACCOUNT_FORM),
    # Records
    "records": ("records", PAGE),
    "records/more": ("records/more", PAGE),
    "records/live": ("records/live", PAGE),
    "records/builds": ("records/builds", PAGE),
    "records/facets": ("records/facets", PAGE),
    "records/record_details/<int:record_id>": ("records/record_details/1", PAGE),
    "^records/export/records-(?P<timestamp>[^/]*)\\.(?P<kind>csv|ndjson)$": (
        "records/export/records-1.csv",
        PAGE,
    ),
    "^(?P<path>records/[0-9]+)$": ("records/1", PUBLIC),
    "^telemetryui(?:/(?P<path>.*))?$": ("telemetryui/", PUBLIC),
    # Crashes
    "crashes": ("crashes", PAGE),
    "crashes/overall": ("crashes/overall", PAGE),
    "crashes/<path:build>": ("crashes/1", PAGE),
    "crashes/guilty_details/<int:guilty_id>": ("crashes/guilty_details/1", PAGE),
    "crashes/guilty_details/<int:guilty_id>/backtraces": (
        "crashes/guilty_details/1/backtraces",
        PAGE,
    ),
    "crashes/guilty_edit/<int:guilty_id>": ("crashes/guilty_edit/1", CURATE),
    "crashes/guilty_edit/preview": ("crashes/guilty_edit/preview", CURATE_PAGE),
    "crashes/guilty_edit/apply": ("crashes/guilty_edit/apply", CURATE),
    "crashes/guilty_edit/undo": ("crashes/guilty_edit/undo", CURATE),
    "crashes/rules": ("crashes/rules", PAGE),
    "crashes/rules/suggestions": ("crashes/rules/suggestions", PAGE),
    "crashes/rules/export": ("crashes/rules/export", PAGE),
    "crashes/rules/versions": ("crashes/rules/versions", PAGE),
    "crashes/rules/versions/<int:version>": ("crashes/rules/versions/1", PAGE),
    # Views
    **{slug: (slug, PAGE) for slug in VIEWS},
    **{f"{slug}/<str:key>.csv": (f"{slug}/x.csv", PAGE) for slug in VIEWS},
    "machines/": ("machines/", PAGE),
    "machines/<path:machine_id>": ("machines/x", PAGE),
    # API; each address with and without a slash at its end
    "api/records": ("api/records", API),
    "api/records/<record_id:record_id>": ("api/records/1", API),
    "api/crashes/top": ("api/crashes/top", API),
    "api/guilties": ("api/guilties", API),
    "api/guilties/<guilty_id:guilty_id>": ("api/guilties/1", API),
    "api/guilties/<guilty_id:guilty_id>/backtraces": (
        "api/guilties/1/backtraces",
        API,
    ),
    "api/rules": ("api/rules", API_RULES),
    "api/rules/preview": ("api/rules/preview", API_CURATE),
    "api/rules/undo": ("api/rules/undo", API_CURATE),
    "api/views": ("api/views", API),
    **{f"api/views/{slug}": (f"api/views/{slug}", API) for slug in VIEWS},
    "api/schema": ("api/schema", API),
    "api/docs": ("api/docs", PAGE),
}

# --- The admin ----------------------------------------------------------------------

#              anonymous nobody viewer curator admin open  | tokens
_STAFF = "      login     login  login  login   in    login   login login login login"

STAFF = row(GET=_STAFF, POST=_STAFF)
LOOK = row(GET=_STAFF)
SHUT = row()
LEAVE = row(
    GET="       in        in     in     in      405   in      in    in    in    in",
    POST="      in        in     in     in      login in      in    in    in    in",
)

ADMIN: dict[str, tuple[str, Row]] = {
    "admin/": ("admin/", STAFF),
    "admin/login/": ("admin/login/", TO_LOGIN),
    "admin/logout/": ("admin/logout/", LEAVE),
    "admin/password_change/": ("admin/password_change/", MOVED),
    "admin/password_change/done/": ("admin/password_change/done/", LOOK),
    "admin/autocomplete/": ("admin/autocomplete/", SHUT),  # needs a field
    "admin/jsi18n/": ("admin/jsi18n/", LOOK),
    "admin/r/<path:content_type_id>/<path:object_id>/": ("admin/r/1/1/", STAFF),
    "admin/<app_label>/": ("admin/auth/", STAFF),
    "admin/(?P<url>.*)$": ("admin/x", STAFF),
    "admin/auth/user/<id>/password/": ("admin/auth/user/1/password/", STAFF),
    "admin/alerts/rule/<int:rule_id>/now/": ("admin/alerts/rule/1/now/", STAFF),
    "admin/crashes/rule/export/": ("admin/crashes/rule/export/", STAFF),
    "admin/crashes/rule/import/": ("admin/crashes/rule/import/", STAFF),
    "admin/records/retentionrule/preview/": (
        "admin/records/retentionrule/preview/",
        STAFF,
    ),
}

ALL = "add change delete"
# What an admin may do with the rows of a model, besides looking at them.
MODELS = {
    "accounts/apitoken": ALL,
    "accounts/externalidentity": ALL,
    "alerts/alert": "",
    "alerts/channel": ALL,
    "alerts/delivery": "",
    "alerts/rule": ALL,
    "auth/group": ALL,
    "auth/user": ALL,
    "crashes/crashclassification": ALL,
    "crashes/crashreport": "",
    "crashes/guilty": "change",
    "crashes/rule": ALL,
    "crashes/rulesversion": "",
    "crashes/takenover": "",
    "crashes/trace": "",
    "records/build": "",
    "records/classification": "",
    "records/erasure": "",
    "records/hardware": "",
    "records/kernel": "",
    "records/kind": "",
    "records/parserfailure": "",
    "records/record": "",
    "records/refusalpolicy": ALL,
    "records/refused": "delete",
    "records/retentionrule": "add change",  # the first is the default, and stays
    "records/retentionrun": "",
    "records/telemetryid": "add change",
}


def rows_of_model(model: str, rights: str) -> dict[str, tuple[str, Row]]:
    place = f"admin/{model}/"
    return {
        place: (place, STAFF),
        f"{place}add/": (f"{place}add/", STAFF if "add" in rights else SHUT),
        f"{place}<path:object_id>/": (f"{place}1/", STAFF),
        f"{place}<path:object_id>/history/": (f"{place}1/history/", STAFF),
        f"{place}<path:object_id>/change/": (
            f"{place}1/change/",
            STAFF if "change" in rights else LOOK,
        ),
        f"{place}<path:object_id>/delete/": (
            f"{place}1/delete/",
            STAFF if "delete" in rights else SHUT,
        ),
    }


for model, rights in MODELS.items():
    ADMIN |= rows_of_model(model, rights)
