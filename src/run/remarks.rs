//! What a report says of a run that has read every page. Pure.

use crate::checkpoint::Tally;
use crate::fetch;
use crate::report::Status;
use crate::source::{Api, Fetch, SUBSCRIPTIONS_LIST, Source};

/// What became of a run, where something is to be said.
pub(super) fn of(status: Status, source: Source, tally: &Tally) -> String {
    match (status, source.api) {
        (Status::Incomplete, _) => incomplete(source),
        (Status::Complete, Api::Arm) => remarks(source, tally).join("; "),
        (Status::Complete, _) if !tally.unread.is_empty() => passed_over(tally),
        _ => String::new(),
    }
}

/// What is said of a read in which the service left data out.
fn incomplete(source: Source) -> String {
    let what = match (source.fetch, source.api) {
        (Fetch::Hunting(_), _) => "over 100,000 rows share one hash of their key",
        (_, Api::Arm) => "Resource Graph cut its answer short",
        _ => "the service answered 206 with a warning",
    };
    format!(
        "{what}, so data is missing: the earlier snapshot stays, and the source is read again in an hour"
    )
}

/// Why a run of Azure's lists counts as refused though each page was read: nothing is there, and a
/// list was forbidden. A subscription without Defender for Cloud alone is no refusal.
pub(super) fn refusal(source: Source, tally: &Tally) -> Option<String> {
    let absent = |what: &&String| !what.starts_with("404") && !what.starts_with("409");
    let forbidden = tally.unread.keys().find(absent).filter(|_| tally.kept == 0)?;
    let advice = fetch::grant(source.needs);
    Some(format!("refused ({forbidden}) at every list of the subscriptions: {advice}"))
}

fn remarks(source: Source, tally: &Tally) -> Vec<String> {
    let mut remarks = Vec::new();
    if tally.foreign > 0 {
        let foreign = tally.foreign;
        remarks.push(format!(
            "{foreign} rows belong to tenants that delegate subscriptions, not kept"
        ));
    }
    if !tally.unread.is_empty() {
        remarks.push(format!("{}: {}", passed_over(tally), onboard(source)));
    }
    if tally.kept == 0 && tally.unread.is_empty() {
        let lists_subscriptions = source.fetch.path() == SUBSCRIPTIONS_LIST;
        let what = match source.fetch {
            Fetch::Resources(_) if lists_subscriptions => "no subscription can be read",
            _ => "no record in any subscription that can be read",
        };
        let advice = match lists_subscriptions {
            true => fetch::grant(source.needs),
            false => onboard(source),
        };
        remarks.push(format!("{what}: {advice}"));
    }
    remarks
}

fn passed_over(tally: &Tally) -> String {
    let counts = tally.unread.iter().map(|(what, count)| format!("{what} at {count} lists"));
    let counts: Vec<_> = counts.collect();
    format!("passed over {}", counts.join(", "))
}

fn onboard(source: Source) -> String {
    format!("turn Defender for Cloud on there, or {}", fetch::grant(source.needs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{AZURE_SECURE_SCORES, AZURE_SUBSCRIPTIONS, DEVICES};

    fn tally(kept: u64, foreign: u64, unread: &[(&str, u64)]) -> Tally {
        let unread = unread.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect();
        Tally { kept, foreign, unread, ..Tally::default() }
    }

    #[test]
    fn an_empty_answer_of_azure_may_be_a_missing_role() {
        let subscriptions = of(Status::Complete, AZURE_SUBSCRIPTIONS, &tally(0, 0, &[]));
        let scores = of(Status::Complete, AZURE_SECURE_SCORES, &tally(0, 0, &[]));

        let advice = "assign the Azure role Security Reader to the function app's identity at the \
                      management group or the subscriptions";
        let expected = format!("no subscription can be read: {advice}");
        assert!(subscriptions.starts_with(&expected), "{subscriptions}");
        assert!(scores.contains("turn Defender for Cloud on there, or assign"), "{scores}");
        assert_eq!(of(Status::Complete, AZURE_SECURE_SCORES, &tally(1, 0, &[])), "");
        assert_eq!(of(Status::Complete, DEVICES, &tally(0, 0, &[])), "");
    }

    #[test]
    fn what_is_not_kept_and_not_read_is_counted() {
        let some = of(Status::Complete, AZURE_SECURE_SCORES, &tally(2, 3, &[("404", 1)]));

        let foreign = "3 rows belong to tenants that delegate subscriptions, not kept; ";
        assert!(some.starts_with(foreign), "{some}");
        assert!(some.contains("passed over 404 at 1 lists: turn Defender for Cloud on"), "{some}");
    }

    #[test]
    fn nothing_but_forbidden_lists_are_a_refusal_and_nothing_but_absent_ones_are_not() {
        let forbidden = [("403 AuthorizationFailed", 2), ("404", 1)];

        let refused = refusal(AZURE_SECURE_SCORES, &tally(0, 0, &forbidden)).unwrap();
        assert!(
            refused.starts_with("refused (403 AuthorizationFailed) at every list"),
            "{refused}"
        );
        assert_eq!(refusal(AZURE_SECURE_SCORES, &tally(1, 0, &forbidden)), None);
        assert_eq!(refusal(AZURE_SECURE_SCORES, &tally(0, 0, &[("404", 2)])), None);
    }
}
