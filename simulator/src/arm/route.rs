//! Where the paths of Azure Resource Manager lead. Case doesn't matter.

use std::ops::Range;

use crate::arm::kinds::Kind;
use crate::arm::records;
use crate::web;

/// What a path leads to.
pub(crate) enum Route {
    Subscriptions,
    /// A list of a subscription, or of none; of the rows below a standard or control.
    List {
        subscription: Option<String>,
        kind: Kind,
        below: Option<Range<u64>>,
    },
    ResourceGraph,
}

/// A list, and the numbers of its rows where it isn't all of a subscription's.
type List = (Kind, Option<Range<u64>>);

/// Where a path leads.
pub(crate) fn route(path: &str) -> Option<Route> {
    let path = web::unescape(path).trim_start_matches('/').to_ascii_lowercase();
    let parts: Vec<&str> = path.split('/').collect();
    let (subscription, (kind, below)) = match parts[..] {
        ["subscriptions"] => return Some(Route::Subscriptions),
        ["providers", "microsoft.resourcegraph", "resources"] => return Some(Route::ResourceGraph),
        ["subscriptions", id, "providers", "microsoft.security", ref rest @ ..] => {
            (Some(id.to_owned()), list(rest)?)
        }
        ["providers", "microsoft.security", "securescorecontroldefinitions"] => {
            (None, (Kind::Definitions, None))
        }
        _ => return None,
    };
    Some(Route::List { subscription, kind, below })
}

fn list(rest: &[&str]) -> Option<List> {
    Some(match rest {
        ["securescores"] => (Kind::Scores, None),
        ["securescorecontrols"] | ["securescores", "ascscore", "securescorecontrols"] => {
            (Kind::Controls, None)
        }
        ["securescorecontroldefinitions"] => (Kind::Definitions, None),
        ["assessments"] => (Kind::Assessments, None),
        ["regulatorycompliancestandards", rest @ ..] => compliance(rest)?,
        _ => return None,
    })
}

/// Compliance from standards down. An unknown standard or control has no rows.
fn compliance(rest: &[&str]) -> Option<List> {
    Some(match rest {
        [] => (Kind::Standards, None),
        [standard, "regulatorycompliancecontrols"] => {
            let below = records::below(standard, None).unwrap_or(0..0);
            (Kind::ComplianceControls, Some(below))
        }
        [standard, "regulatorycompliancecontrols", control, "regulatorycomplianceassessments"] => {
            let below = records::below(standard, Some(control)).unwrap_or(0..0);
            (Kind::ComplianceAssessments, Some(below))
        }
        _ => return None,
    })
}
