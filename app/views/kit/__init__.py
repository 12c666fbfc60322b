"""The widgets every page is made of.

``text`` (Text, Link), ``buttons`` (PrimaryButton, QuietButton, PlainButton, IconButton), ``chips`` (Chip,
SegmentedControl), ``tags`` (Pill, StateTag, Badge, Avatar), ``cards`` (Card, PageHeader, EmptyState, rule),
``fields`` (FormField, SearchField, DateField, Select, Check, Radio), ``feedback`` (Banner, Toast, ProgressPanel,
Spinner), ``rows`` (RowModel), ``delegates`` (RowDelegate and drawing for rows), ``page_preview`` (PagePreview).
"""
