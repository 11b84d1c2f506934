//! The workspace's side of a source: its table, columns and types.

use super::classic::Classic;

/// A custom table of the Log Analytics workspace.
///
/// Columns are append-only: a table's column can neither change its type nor be reused.
/// At most 500 columns; names have 2 to 45 characters.
///
/// <https://learn.microsoft.com/azure/azure-monitor/logs/create-custom-table>
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Ends in `_CL`.
    pub name: &'static str,
    /// The service's own fields, after those of [`ENVELOPE`].
    pub columns: &'static [Column],
    /// Tables of earlier published solutions that further flows of the same stream feed where a
    /// deployment asks for them; their places in the collection rules are reserved either way.
    pub classic: &'static [Classic],
}

impl Table {
    /// The input stream that feeds the table.
    pub fn stream(&self) -> String {
        format!("Custom-{}", self.name)
    }

    /// The input stream of the table's records as export files spell them.
    pub fn file_stream(&self) -> String {
        format!("Custom-{}File", self.name.trim_end_matches("_CL"))
    }

    /// The envelope's columns and the table's own.
    pub fn all_columns(&self) -> impl Iterator<Item = &'static Column> {
        ENVELOPE.iter().chain(self.columns)
    }
}

/// One column, and the record's field that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The field as the record spells it, which is also its name in the stream.
    pub field: &'static str,
    /// The column's name: the field's, save where Log Analytics reserves that.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
}

impl Column {
    /// The field as export files spell it: with a capital, and `OS…` for `os…`.
    pub fn file_field(&self) -> String {
        match self.field.strip_prefix("os").filter(|rest| rest.starts_with(char::is_uppercase)) {
            Some(rest) => format!("OS{rest}"),
            None => {
                let mut letters = self.field.chars();
                let first = letters.next().map(|first| first.to_ascii_uppercase());
                first.into_iter().chain(letters).collect()
            }
        }
    }

    /// The same field under another column name.
    pub const fn named(self, name: &'static str) -> Column {
        Column { name, ..self }
    }
}

/// A column's type.
///
/// Numbers are `real` wherever a service might send a decimal, which is everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Text.
    Text,
    /// A number with or without a fraction.
    Real,
    /// A number that the service writes as text.
    TextReal,
    /// A whole number that only this program writes.
    Long,
    /// A whole number of a classic table.
    Int,
    /// True or false.
    Boolean,
    /// An instant.
    DateTime,
    /// Any JSON.
    Dynamic,
    /// An id of a classic table; no stream has this type.
    Guid,
    /// True or false as hunting answers it: 0 or 1.
    HuntedBoolean,
    /// An instant as hunting answers it: `{}` where there is none.
    HuntedDateTime,
    /// Any JSON as hunting answers it: often text that holds JSON, `{}` where there is nothing.
    HuntedDynamic,
}

impl ColumnType {
    /// The type's name in a collection rule's stream declaration.
    pub fn in_stream(self) -> &'static str {
        match self {
            ColumnType::Text | ColumnType::TextReal => "string",
            ColumnType::Real => "real",
            ColumnType::Long => "long",
            ColumnType::Int => "int",
            ColumnType::Boolean => "boolean",
            ColumnType::DateTime => "datetime",
            ColumnType::Dynamic => "dynamic",
            ColumnType::Guid => "string",
            ColumnType::HuntedBoolean | ColumnType::HuntedDateTime | ColumnType::HuntedDynamic => {
                "dynamic"
            }
        }
    }

    /// What makes of a stream's value the column's, where they differ.
    pub fn converted(self, value: &str) -> Option<String> {
        let text = format!("tostring({value})");
        match self {
            ColumnType::TextReal => Some(format!("toreal({value})")),
            ColumnType::HuntedBoolean => Some(format!("tobool({value})")),
            ColumnType::HuntedDateTime => Some(format!("todatetime({text})")),
            // A text that holds JSON and the JSON itself become the same.
            ColumnType::HuntedDynamic => {
                Some(format!("parse_json(iif({text} == '{{}}', '', {text}))"))
            }
            _ => None,
        }
    }

    /// The type of that name in a stream declaration.
    pub(super) fn of_stream(name: &str) -> Option<ColumnType> {
        use ColumnType::{Boolean, DateTime, Dynamic, Int, Long, Real, Text};
        let types = [Text, Real, Long, Int, Boolean, DateTime, Dynamic];
        types.into_iter().find(|kind| kind.in_stream() == name)
    }

    /// The type's name in a table's schema, which spells one of them differently.
    pub fn in_table(self) -> &'static str {
        match self {
            ColumnType::DateTime | ColumnType::HuntedDateTime => "dateTime",
            ColumnType::Guid => "guid",
            ColumnType::TextReal => "real",
            ColumnType::HuntedBoolean => "boolean",
            other => other.in_stream(),
        }
    }
}

/// The fields that this program puts in front of every record, in this order.
pub const ENVELOPE: &[Column] = &[
    datetime("TimeGenerated"),
    datetime("CollectedTime"),
    text("AadTenantId"),
    text("TenantName"),
    text("Source"),
    text("RunId"),
    text("RecordId"),
];

/// Names that Log Analytics keeps for itself.
///
/// <https://learn.microsoft.com/azure/azure-monitor/logs/create-custom-table>
pub(super) const RESERVED: &[&str] = &[
    "id",
    "BilledSize",
    "IsBillable",
    "InvalidTimeGenerated",
    "TenantId",
    "Title",
    "Type",
    "UniqueId",
    "_ItemId",
    "_ResourceGroup",
    "_ResourceId",
    "_SubscriptionId",
    "_TimeReceived",
];

/// The table of reports: one row per job.
pub const RUNS: Table = Table {
    name: "PostureRuns_CL",
    columns: &[
        text("Status"),
        text("Message"),
        datetime("Began"),
        datetime("Ended"),
        long("Attempts"),
        long("Pages"),
        long("Read"),
        long("Kept"),
        long("Parts"),
        long("Sent"),
        long("Withheld"),
        long("Rejected"),
        long("Requests"),
        long("WaitedMs"),
        long("TookMs"),
        long("ReceivedBytes"),
        long("KeptBytes"),
        long("SentBytes"),
        dynamic("Undeclared"),
        text("Version"),
        datetime("Generated"),
        dynamic("Cut"),
        long("Throttled"),
        datetime("Newest"),
        long("FreshnessS"),
        text("Advice"),
        datetime("CredentialEnds"),
    ],
    classic: &[],
};

/// The table of estimated scores: one row per day of the Secure Score.
pub const ESTIMATED_SCORES: Table = Table {
    name: "PostureEstimatedScores_CL",
    columns: &[
        datetime("Day"),
        real("CurrentScore"),
        real("MaxScore"),
        real("PlannedScore"),
        real("AchievableScore"),
        real("LicenceScore"),
        long("ScoredControls"),
        long("ControlsWithoutMaximum"),
        dynamic("Categories"),
        boolean("Estimated"),
        text("Formula"),
    ],
    classic: &[],
};

/// The table of attempts at response actions: a row whenever one of them changes, the newest counts.
pub const AUDIT: Table = Table {
    name: "PostureAudit_CL",
    columns: &[
        text("AttemptId"),
        text("Action"),
        text("Variant"),
        text("TargetType"),
        text("TargetAsked"),
        text("TargetId"),
        text("TargetName"),
        text("AssignedTo"),
        text("Reason"),
        text("Caller"),
        text("RequestedBy"),
        boolean("DryRun"),
        text("KeyHash"),
        text("Outcome"),
        text("Code"),
        text("Detail"),
        text("Repeats"),
        text("MachineActionId"),
        text("MachineActionStatus"),
        datetime("Requested"),
        datetime("Updated"),
    ],
    classic: &[],
};

/// Tables that no source fills, each with the newest source that was there before it: its stream comes
/// behind that one's, and never moves.
pub const MADE: &[(&str, Table)] = &[
    ("graph.hunting.unmanaged_devices", ESTIMATED_SCORES),
    ("graph.hunting.unmanaged_devices", AUDIT),
];

pub(super) const fn text(field: &'static str) -> Column {
    Column { field, name: field, kind: ColumnType::Text }
}

pub(super) const fn real(field: &'static str) -> Column {
    Column { field, name: field, kind: ColumnType::Real }
}

pub(super) const fn long(field: &'static str) -> Column {
    Column { field, name: field, kind: ColumnType::Long }
}

pub(super) const fn boolean(field: &'static str) -> Column {
    Column { field, name: field, kind: ColumnType::Boolean }
}

pub(super) const fn datetime(field: &'static str) -> Column {
    Column { field, name: field, kind: ColumnType::DateTime }
}

pub(super) const fn dynamic(field: &'static str) -> Column {
    Column { field, name: field, kind: ColumnType::Dynamic }
}

pub(super) const fn hunted_boolean(field: &'static str) -> Column {
    Column { field, name: field, kind: ColumnType::HuntedBoolean }
}

pub(super) const fn hunted_datetime(field: &'static str) -> Column {
    Column { field, name: field, kind: ColumnType::HuntedDateTime }
}

pub(super) const fn hunted_dynamic(field: &'static str) -> Column {
    Column { field, name: field, kind: ColumnType::HuntedDynamic }
}
