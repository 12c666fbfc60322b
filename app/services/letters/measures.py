"""The measures of a letter, in points: A4, 25 mm margins, everything scaling with the size of the text.

From the direction for letters: text at least 12 points everywhere, leading 1.4, left aligned; in large print all text
scales, there is one column, and the reference block stands above the address.
"""

from dataclasses import dataclass

MM = 72 / 25.4
PAGE_WIDTH = 210 * MM
PAGE_HEIGHT = 297 * MM
MARGIN = 25 * MM
TEXT_WIDTH = PAGE_WIDTH - 2 * MARGIN
SIZES = (12, 16, 18)


@dataclass(frozen=True, slots=True)
class Measures:
    """What follows from the size of the text.

    Attributes:
        size: of the text; 12, 16 or 18.
    """

    size: int

    @property
    def large(self) -> bool:
        """Return whether this is large print."""
        return self.size > 12

    @property
    def scale(self) -> float:
        """Return the factor from standard print."""
        return self.size / 12

    @property
    def leading(self) -> float:
        """Return the distance between baselines."""
        return 1.4 * self.size

    @property
    def subject(self) -> float:
        """Return the size of the subject line."""
        return 15 * self.scale

    @property
    def council(self) -> float:
        """Return the size of the council's name."""
        return 18 * self.scale

    @property
    def crest_height(self) -> float:
        """Return the height of the crest."""
        return 15 * MM * (1 + (self.scale - 1) / 2)

    @property
    def paragraph_gap(self) -> float:
        """Return the extra space between paragraphs."""
        return 0.5 * self.size

    @property
    def heading_gap(self) -> float:
        """Return the extra space above a heading."""
        return 0.85 * self.size

    @property
    def qr_side(self) -> float:
        """Return the side of the QR code without its quiet zone."""
        return (30 if self.large else 25) * MM

    @property
    def reply_foot(self) -> float:
        """Return the distance from the page's foot to the foot of the reply block, above the footer."""
        return 19.5 * MM + 0.9 * (self.size - 12)


HEADER_TOP = 14.5 * MM
"""From the page's top to the top of the crest."""
ADDRESS_TOP = 45 * MM
"""From the page's top to the first address line: the window of a DL envelope."""
ADDRESS_WIDTH = 86 * MM
REFERENCE_LEFT = 116.4 * MM
REFERENCE_VALUE_LEFT = 136.4 * MM
FOOTER_BASELINE = 12 * MM
"""From the page's foot."""
DRAFT_BASELINE = 10 * MM
"""From the page's top to the line that says what a draft is."""
