"""Every page: its route, its place on the rail, and where its class is (imported when first opened)."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from app.views.context import AppContext

Crumb = tuple[str, str | None]


class Page(Protocol):
    """What the window expects of a page, besides being a ``QWidget`` made with an ``AppContext``.

    Attributes:
        title: words for the window's title.
        breadcrumb: (words, route or None) from the outermost in.

    A page may also offer ``primary_action()`` (Ctrl+Enter), ``find_here()`` (Ctrl+F), ``add_note()`` (Ctrl+Shift+N),
    ``close_panel() -> bool`` (Esc) and a signal ``heading_changed`` when title or breadcrumb changed.
    """

    title: str
    breadcrumb: list[Crumb]

    def open(self, **arguments: Any) -> None:
        """Show what the arguments name; called at every navigation."""
        ...


@dataclass(frozen=True, slots=True)
class PageSpec:
    """One page.

    Attributes:
        route: its name.
        title: on the rail and in the palette.
        icon: a Lucide name.
        section: Work, Team, Organisation or Foot; empty when it is not on the rail.
        path: ``module:Class``.
        permission: a name of ``access.Permission`` without which it is hidden.
        rail_route: the rail item that is lit while this page shows.
    """

    route: str
    title: str
    icon: str
    section: str
    path: str
    permission: str | None = None
    rail_route: str = ""


PAGES: tuple[PageSpec, ...] = (
    PageSpec("today", "Today", "calendar-check", "Work", "app.views.today_page:TodayPage", "READ_CASES"),
    PageSpec("cases", "Cases", "folder-open", "Work", "app.views.cases.cases_page:CasesPage", "READ_CASES"),
    PageSpec(
        "correspondence",
        "Correspondence",
        "inbox",
        "Work",
        "app.views.correspondence.correspondence_page:CorrespondencePage",
        "LINK_DOCUMENTS",
    ),
    PageSpec("letters", "Letters", "mail", "Work", "app.views.letters.letters_page:LettersPage", "WRITE_LETTERS"),
    PageSpec("team", "Team queue", "layout-list", "Team", "app.views.team.team_page:TeamPage", "ALLOCATE_CASES"),
    PageSpec("access", "Access", "shield-check", "Team", "app.views.access.access_page:AccessPage", "REVIEW_ACCESS"),
    PageSpec(
        "handed_in",
        "Handed in",
        "hand-helping",
        "Team",
        "app.views.handed_in.handed_in_page:HandedInPage",
        "TAKE_OVER_WORK",
    ),
    PageSpec("roles", "Roles", "users-round", "Organisation", "app.views.access.roles_page:RolesPage", "MANAGE_PEOPLE"),
    PageSpec("audit", "Audit", "file-search", "Organisation", "app.views.audit.audit_page:AuditPage", "READ_AUDIT"),
    PageSpec("sync", "Sync centre", "refresh-cw", "Foot", "app.views.sync_page:SyncPage"),
    PageSpec(
        "conflicts",
        "Review changes",
        "git-compare-arrows",
        "",
        "app.views.conflicts.conflicts_page:ConflictsPage",
        "READ_CASES",
        "sync",
    ),
    PageSpec("settings", "Settings", "sliders-horizontal", "Foot", "app.views.settings_page:SettingsPage"),
    PageSpec("help", "Help", "circle-question-mark", "Foot", ""),
    PageSpec("case", "Case", "folder-open", "", "app.views.case.case_page:CasePage", "READ_CASES", "cases"),
    PageSpec(
        "referral", "New referral", "plus", "", "app.views.intake.referral_page:ReferralPage", "TAKE_REFERRALS", "cases"
    ),
    PageSpec(
        "import", "Import a list", "upload", "", "app.views.intake.import_page:ImportPage", "TAKE_REFERRALS", "cases"
    ),
    PageSpec(
        "security", "Security", "shield-check", "", "app.views.security.security_page:SecurityPage", None, "settings"
    ),
    PageSpec("sign_in", "Sign in", "log-in", "", "app.views.sign_in.page:SignInPage", None, "settings"),
    PageSpec("backups", "Backups", "archive", "", "app.views.backups.backups_page:BackupsPage", None, "settings"),
    PageSpec("letter", "Letter", "mail", "", "app.views.letters.letter_page:LetterPage", "WRITE_LETTERS", "letters"),
)

SPECS = {spec.route: spec for spec in PAGES}
SECTIONS = ("Work", "Team", "Organisation", "Foot")


def rail_pages(allowed: frozenset[str] | None = None) -> list[PageSpec]:
    """Return the pages of the rail in order, without those whose permission is not among the allowed names."""
    return [
        spec
        for spec in PAGES
        if spec.section and (allowed is None or spec.permission is None or spec.permission in allowed)
    ]


def build(route: str, context: "AppContext") -> "QWidget":
    """Import a page's module and make the page.

    Args:
        route: a key of ``SPECS`` that has a path.
        context: what it is handed.
    """
    module, _, name = SPECS[route].path.partition(":")
    return cast("QWidget", getattr(import_module(module), name)(context))
