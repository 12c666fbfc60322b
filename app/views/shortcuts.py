"""Every shortcut once: what it is called, its keys, and where it works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One shortcut as the list shows it."""

    name: str
    keys: str
    words: str
    group: str


SHORTCUTS: tuple[Shortcut, ...] = (
    Shortcut("palette", "Ctrl+K", "Search, or type a command", "Everywhere"),
    Shortcut("all_commands", "F10", "All commands", "Everywhere"),
    Shortcut("referral", "Ctrl+N", "New referral", "Everywhere"),
    Shortcut("lock", "Ctrl+L", "Lock Rollcall", "Everywhere"),
    Shortcut("sync_now", "Ctrl+Shift+Y", "Sync now", "Everywhere"),
    Shortcut("back", "Alt+Left", "Back", "Moving about"),
    Shortcut("forward", "Alt+Right", "Forward", "Moving about"),
    Shortcut("rail", "Ctrl+1 to Ctrl+9", "Open a page of the rail", "Moving about"),
    Shortcut("next_pane", "F6", "Next part of the window", "Moving about"),
    Shortcut("close_panel", "Esc", "Close a panel", "Moving about"),
    Shortcut("primary", "Ctrl+Return", "The main action of this page", "On a page"),
    Shortcut("find", "Ctrl+F", "Find on this page", "On a page"),
    Shortcut("note", "Ctrl+Shift+N", "Add a note to this case", "On a page"),
    Shortcut("undo", "Ctrl+Z", "Undo typing", "On a page"),
    Shortcut("columns", "Ctrl+Shift+C", "Choose columns", "Cases"),
    Shortcut("next_tab", "Ctrl+Tab", "Next tab (Ctrl+Shift+Tab: the one before)", "A case"),
    Shortcut("add_files", "Ctrl+O", "Add files", "Correspondence"),
    Shortcut("next_document", "Ctrl+Down", "Next document (Ctrl+Up: the one before)", "Correspondence"),
    Shortcut("next_page", "PgDown", "Next page (PgUp: the one before)", "Correspondence"),
    Shortcut("turn_page", "Ctrl+R", "Turn the page right (Ctrl+Shift+R: left)", "Correspondence"),
    Shortcut("fit_page", "Ctrl+0", "Fit the page (Ctrl++ and Ctrl+-: zoom)", "Correspondence"),
    Shortcut("undo_link", "Ctrl+Z", "Undo the last link", "Correspondence"),
    Shortcut("yours", "Alt+1", "Choose yours (Alt+2: theirs, Alt+3: both)", "Review changes"),
    Shortcut("help", "F1", "Help", "Help"),
    Shortcut("shortcuts", "Ctrl+/", "This list", "Help"),
)

KEYS = {shortcut.name: shortcut.keys for shortcut in SHORTCUTS}


def spoken(keys: str) -> str:
    """Return keys as the screen shows them: ``Ctrl+Return`` becomes ``Ctrl Enter``."""
    return keys.replace("Ctrl+/", "Ctrl /").replace("+", " ").replace("Return", "Enter")
