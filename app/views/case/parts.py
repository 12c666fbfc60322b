"""The parts of a case's page, and the records whose change it shows."""

from typing import Final

from app.views.case.tab_strip import Tab

TABS: Final = [
    Tab("timeline", "Timeline", "Timeline"),
    Tab("family", "Family and contacts", "Family"),
    Tab("enquiries", "Enquiries", "Enquiries"),
    Tab("documents", "Documents", "Documents"),
    Tab("letters", "Letters", "Letters"),
    Tab("history", "History", "History"),
]
SHOWN_TABLES: Final = frozenset(
    {
        "case", "child", "child_name", "case_event", "enquiry", "task", "clock", "document", "letter", "person",
        "relationship", "address", "contact_point", "safety_flag", "enrolment", "conflict", "assignment", "closure",
        "case_access", "break_glass", "interest_declared",
    }
)  # fmt: skip
