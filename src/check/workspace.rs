//! Whether each stream of each collection rule would take a row.

use super::{Finding, token};
use crate::cloud::{CallError, Meter, Patience};
use crate::describe::{self, Stream};
use crate::logs::{self, Logs, LogsError};
use azure_core::http::Url;
use futures::future::join_all;
use jiff::Timestamp;
use std::sync::PoisonError;

const AREA: &str = "workspace";

/// Sends no row to every stream that the release has.
pub(super) async fn look(
    logs: &Logs,
    clock: fn() -> Timestamp,
    patience: Patience,
) -> Vec<Finding> {
    let packed: Vec<Vec<String>> = describe::rules()
        .iter()
        .map(|streams| {
            // Without classic tables no rule has a stream for those alone.
            let wanted = streams.iter().filter(|one| !one.is_classic() || logs.takes(&one.name()));
            wanted.map(Stream::name).collect()
        })
        .collect();
    let address =
        |streams: &Vec<String>| streams.iter().find_map(|stream| logs.rule(stream)).cloned();
    let rules: Vec<(Url, &Vec<String>)> =
        packed.iter().filter_map(|streams| Some((address(streams)?, streams))).collect();
    let origin = rules.first().map(|(rule, _)| rule.origin().ascii_serialization());
    let origin = origin.unwrap_or_default();
    // Whoever sends may be of another tenant than whoever is collected.
    let token = match token::look(logs.pipeline(), (AREA, &origin), None, &patience).await {
        Ok((token, _)) => token,
        Err(finding) => return vec![finding],
    };
    let meter = Meter::default();
    let looks = rules.iter().map(|(rule, streams)| one(logs, rule, streams, &patience, &meter));
    let rules = join_all(looks).await;
    let heard = meter.heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let clock = token::clock(AREA, &heard, clock());
    let left = packed.iter().flatten().filter(|stream| !logs.takes(stream));
    let left = without_rule(left.map(|stream| stream.trim_start_matches("Custom-")).collect());
    [token].into_iter().chain(rules).chain(clock).chain(left).collect()
}

/// The streams that no rule takes.
fn without_rule(streams: Vec<&str>) -> Option<Finding> {
    if streams.is_empty() {
        return None;
    }
    let says = format!("none for {}: these stay in storage only", streams.join(", "));
    let next = "put the immutable ids of all rules into POSTURE_LOGS_RULES, in the order of \
                infra/generated/tables.json";
    Some(Finding::good(AREA, "rules", says).warning(next))
}

async fn one(
    logs: &Logs,
    rule: &Url,
    streams: &[String],
    patience: &Patience,
    meter: &Meter,
) -> Finding {
    let id = rule.path().rsplit('/').next().unwrap_or_default();
    let finding = |says: String| Finding::good(AREA, id, says);
    let mut unknown = Vec::new();
    for stream in streams {
        match logs.probe(stream, patience, meter).await {
            Ok(()) => {}
            Err(CallError::Rejected { status: 400 | 404, .. }) => unknown.push(stream.as_str()),
            Err(error @ CallError::Denied { .. }) => return refused(error, finding),
            Err(error) => return token::failed(error, finding),
        }
    }
    match unknown.len() {
        0 => finding(format!("takes its {} streams", streams.len())),
        count if count == streams.len() => {
            finding(format!("isn't there: {} answers 404", token::host(rule)))
                .wrong("compare POSTURE_LOGS_URL and POSTURE_LOGS_RULES with the deployed rules")
        }
        _ => finding(format!("doesn't know {}", unknown.join(", "))).wrong(
            "the rule is older than this release, or the rules are in another order: deploy infra/ \
             again",
        ),
    }
}

fn refused(error: CallError, finding: impl Fn(String) -> Finding) -> Finding {
    match logs::explain(error) {
        LogsError::Refused { what, advice } => finding(what).wrong(advice),
        LogsError::Throttled { what, .. } | LogsError::Unreachable { what } => {
            finding(what).warning("check again in a few minutes")
        }
    }
}
