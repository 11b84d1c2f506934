//! Words of statuses, and the icon that stands before each.

/// Words and icons: what is well, from low to critical, and what says nothing.
const ICONS: &[(&str, &[&str])] = &[
    ("success", &["fresh", "complete", "better", "sanctioned", "later", "Passed"]),
    ("1", &["Low"]),
    ("2", &["Medium", "stale", "postponed", "monitored", "soon"]),
    ("3", &["missing"]),
    (
        "4",
        &[
            "refused",
            "failed",
            "worse",
            "unsanctioned",
            "ended",
            "yes",
            "High",
            "Critical",
            "Failed",
        ],
    ),
    ("unknown", &["unavailable"]),
    ("Blank", &["unchanged", "no", "no tag", "Skipped", "Unsupported"]),
];

/// The icon of a status; none of a word that has none.
#[must_use]
pub fn icon(word: &str) -> Option<&'static str> {
    ICONS.iter().find(|(_, words)| words.contains(&word)).map(|(icon, _)| *icon)
}
