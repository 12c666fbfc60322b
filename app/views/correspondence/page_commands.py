"""What the palette offers on the Correspondence page."""

from typing import TYPE_CHECKING

from app.views.palette import Command

if TYPE_CHECKING:
    from app.views.correspondence.correspondence_page import CorrespondencePage


def page_commands(page: "CorrespondencePage") -> list[Command]:
    """Return the commands that make sense for what is shown."""
    outcome, viewer = page.form.outcome, page.viewer
    offered = [
        Command("Add files", lambda: page.strip.choose(page), "file-plus", "Ctrl+O", also="scan upload document"),
        Command("Find another child", page.find_here, "search", "Ctrl+F"),
        Command("Next document", lambda: page.step_document(1), "arrow-down", "Ctrl+Down"),
        Command("Previous document", lambda: page.step_document(-1), "arrow-up", "Ctrl+Up"),
    ]
    if viewer.detail is not None:
        offered += [
            Command("Turn page right", lambda: viewer.turn(90), "rotate-cw", "Ctrl+R"),
            Command("Turn page left", lambda: viewer.turn(-90), "rotate-ccw", "Ctrl+Shift+R"),
        ]
    if outcome.primary.isEnabled():
        offered += [
            Command("Link and open next", lambda: page.link(True), "link-2", "Ctrl+Return"),
            Command("Link", lambda: page.link(False), "link-2"),
            Command("Set aside", lambda: page.ask_to_leave("set_aside"), "archive"),
            Command("Not for us", lambda: page.ask_to_leave("not_for_us"), "send"),
        ]
    return offered
