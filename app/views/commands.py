"""What the palette offers on every page."""

from typing import TYPE_CHECKING

from app.views.palette import Command
from app.views.shortcuts import KEYS

if TYPE_CHECKING:
    from app.views.main_window import MainWindow


def window_commands(window: "MainWindow") -> list[Command]:
    """Return the window's commands, without those the role may not use."""
    from app.views.pages import rail_pages

    context = window.context
    commands = []
    if "TAKE_REFERRALS" in window.allowed:
        commands += [
            Command("New referral", lambda: window.navigate("referral"), "plus", KEYS["referral"], also="case child"),
            Command(
                "Referrals that wait",
                lambda: window.navigate("referral", waiting=True),
                "list-todo",
                also="draft continue resume manager match",
            ),
            Command("Import a list", lambda: window.navigate("import"), "upload", also="csv excel ctf school returns"),
        ]
    if "READ_CASES" in window.allowed:
        commands.append(
            Command(
                "Review changes",
                lambda: window.navigate("conflicts"),
                "git-compare-arrows",
                also="conflict two values yours theirs choose decide",
            )
        )
    commands += [
        Command("Sync now", context.sync.sync_now, "refresh-cw", KEYS["sync_now"]),
        Command("Lock Rollcall", window.lock_asked.emit, "lock", KEYS["lock"]),
    ]
    commands += [
        Command(
            f"Open {spec.title}",
            lambda route=spec.route: window.navigate(route),  # type: ignore[misc]  # bound now, called later
            spec.icon,
            window.rail.keys(spec.route),
            "Go to",
            also=spec.title,
        )
        for spec in rail_pages(window.allowed)
    ]
    commands.append(
        Command(
            "Open Security",
            lambda: window.navigate("security"),
            "shield-check",
            group="Go to",
            also="passphrase recovery key sheet keyring encryption change protect",
        )
    )
    commands.append(
        Command(
            "Open Backups",
            lambda: window.navigate("backups"),
            "archive",
            group="Go to",
            also="backup restore drill proven copy second folder share",
        )
    )
    commands.append(Command("Keyboard shortcuts", window.show_shortcuts, "keyboard", KEYS["shortcuts"], "Help"))
    return commands
