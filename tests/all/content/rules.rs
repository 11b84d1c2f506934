//! Analytics rules: what alerts, what stays quiet, and the columns that they name.
//!
//! `tests/fixtures/content/rules/` has the samples of each rule. Out of one that alerts come others that must not: its
//! first run alone, all rows in one first run, the earlier rows once more, rows without a report, reports without rows.

use super::samples::{self, Run, are, now, put};
use super::workspace;
use crate::kql::{Rows, asked, bind_beside_microsofts};
use content::rules::{Rule, all};
use jiff::{SignedDuration, Timestamp};
use posture::source::RUNS;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A rule's samples.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Samples {
    /// Its rows are events: nothing earlier is compared with, and no job brings them.
    #[serde(default)]
    is_event: bool,
    /// It is about what didn't come.
    #[serde(default)]
    is_absence: bool,
    alerts: Alerting,
    #[serde(default)]
    also_alerts: BTreeMap<String, Alerting>,
    #[serde(default)]
    quiet: BTreeMap<String, Vec<Run>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alerting {
    runs: Vec<Run>,
    expected: Vec<Map<String, Value>>,
}

/// Rows of a tenant's own, and the alerts that they have to give.
struct Case {
    name: String,
    runs: Vec<Run>,
    /// How often each batch was sent.
    times: usize,
    /// Whether what is new has no report.
    is_abandoned: bool,
    expected: Vec<Map<String, Value>>,
}

/// Whether a job ended in the time that the evaluation now looks at: the rule's frequency and five minutes, up to a
/// quarter of an hour ago.
fn is_new(rule: &Rule, run: &Run) -> bool {
    let until = now() - SignedDuration::from_mins(15);
    let since = until - SignedDuration::from_mins(i64::from(rule.frequency_minutes()) + 5);
    run.ended() > since && run.ended() <= until
}

fn cases(rule: &Rule, samples: &Samples) -> Vec<Case> {
    let quiet = samples.quiet.iter().map(|(name, runs)| Case::of(name, runs.clone()));
    let mut cases: Vec<_> = quiet.collect();
    let first = ("alerts".to_owned(), samples.alerts.clone());
    for (name, alerting) in [first].into_iter().chain(samples.also_alerts.clone()) {
        cases.extend(of_one(rule, samples, &name, alerting));
    }
    cases
}

/// An alerting sample, and what is made of it that must not alert, as far as the rule can meet it.
fn of_one(
    rule: &Rule,
    samples: &Samples,
    name: &str,
    Alerting { runs, expected }: Alerting,
) -> Vec<Case> {
    let (new, old): (Vec<_>, Vec<_>) = runs.iter().cloned().partition(|run| is_new(rule, run));
    let named = |what: &str| format!("{name}: {what}");
    let mut cases = vec![
        Case { expected: expected.clone(), ..Case::of(name, runs.clone()) },
        Case { expected, times: 2, ..Case::of(&named("each batch twice"), runs.clone()) },
    ];
    let empty = |run: &Run| Run { rows: Vec::new(), report: Map::new(), ..run.clone() };
    cases.push(Case::of(
        &named("no data"),
        runs.iter().filter(|run| is_new(rule, run)).map(empty).collect(),
    ));
    if samples.is_event {
        return cases;
    }
    cases.push(Case::of(&named("a first run"), new.clone()));
    if samples.is_absence {
        return cases;
    }
    cases.push(Case { is_abandoned: true, ..Case::of(&named("abandoned"), runs.clone()) });
    if runs.iter().any(|run| !run.rows.is_empty()) {
        cases.push(Case::of(&named("a back-fill"), back_fill(&new, &old)));
        cases.push(Case::of(&named("all again"), again(&new, &old)));
    }
    cases
}

impl Case {
    fn of(name: &str, runs: Vec<Run>) -> Case {
        Case { name: name.to_owned(), runs, times: 1, is_abandoned: false, expected: Vec::new() }
    }
}

/// A first run that brings the rows of all days at once. Lists of now come in their newest state.
fn back_fill(new: &[Run], old: &[Run]) -> Vec<Run> {
    let mut runs = new.to_vec();
    for earlier in old {
        match runs.iter_mut().find(|run| run.source == earlier.source) {
            Some(run) => {
                let ids: Vec<_> = run.rows.iter().map(|row| row.get("RecordId").cloned()).collect();
                let more =
                    earlier.rows.iter().filter(|row| !ids.contains(&row.get("RecordId").cloned()));
                run.rows.extend(more.cloned());
            }
            None => runs.push(Run { ended: new[0].ended.clone(), ..earlier.clone() }),
        }
    }
    runs
}

/// What was there before, sent again under the same ids by the newest run: a weekly full list.
fn again(new: &[Run], old: &[Run]) -> Vec<Run> {
    let repeat = old.iter().map(|run| Run { ended: new[0].ended.clone(), ..run.clone() });
    old.iter().cloned().chain(repeat).collect()
}

fn by_name() -> BTreeMap<String, Rule> {
    all().unwrap().into_iter().collect()
}

/// The samples of every rule, by its name.
fn all_samples(rules: &BTreeMap<String, Rule>) -> BTreeMap<String, Samples> {
    let of = |name: &String| (name.clone(), samples::read(&format!("rules/{name}")));
    rules.keys().map(of).collect()
}

/// A rule's query as it is evaluated at an instant.
fn query(name: String, rule: &Rule, now: Timestamp) -> Value {
    let hours = f64::from(rule.period_minutes()) / 60.0;
    json!({ "name": name, "text": rule.query, "now": now, "hours": hours })
}

/// The same at the evaluation after that.
fn next(name: &str, rule: &Rule, now: Timestamp) -> Value {
    let next = now + SignedDuration::from_mins(rule.frequency_minutes().into());
    query(format!("{name} next"), rule, next)
}

#[test]
fn every_rule_alerts_on_its_sample_once_and_on_nothing_else() {
    let rules = by_name();
    let mut rows = Rows::new();
    let mut expected = Vec::new();
    for (name, samples) in all_samples(&rules) {
        let rule = &rules[&name];
        for case in cases(rule, &samples) {
            let tenant = format!("{name} | {}", case.name);
            put(&mut rows, &tenant, &case.runs, case.times, |run| {
                case.is_abandoned && is_new(rule, run)
            });
            expected.push((name.clone(), tenant, case.expected));
        }
    }
    let queries = rules.iter();
    let queries = queries
        .flat_map(|(name, rule)| [query(name.clone(), rule, now()), next(name, rule, now())]);
    let Some(answers) = asked(&rows, queries.collect()) else { return };

    let alerts = |name: &str, tenant: &str| -> Vec<Value> {
        let answer = answers.iter().find(|answer| answer.name == name).unwrap();
        assert_eq!(answer.refused, None, "{name}");
        answer.rows.iter().filter(|row| row["AadTenantId"] == tenant).cloned().collect()
    };
    assert!(expected.len() > 100, "{} cases", expected.len());
    for (rule, tenant, expected) in expected {
        let there = alerts(&rule, &tenant);
        assert!(are(&there, &expected), "{tenant}: {there:#?} isn't {expected:#?}");
        let next = alerts(&format!("{rule} next"), &tenant);
        assert!(next.is_empty(), "{tenant}: alerts a second time: {next:#?}");
    }
}

/// The demo's tenants are collected twice, all within minutes; then one has withdrawn permissions.
#[tokio::test]
async fn of_the_demos_first_runs_only_the_withdrawn_permission_alerts() {
    let rows = workspace::demo().await;
    let ended = rows[RUNS.name].iter().filter_map(|row| row["Ended"].as_str()?.parse().ok());
    let last: Timestamp = ended.max().unwrap();
    let now = last + SignedDuration::from_mins(20);
    let queries = by_name().into_iter().map(|(name, rule)| query(name, &rule, now));
    let Some(answers) = asked(rows, queries.collect()) else { return };

    for answer in answers {
        let tenants: Vec<_> =
            answer.rows.iter().map(|row| row["TenantName"].as_str().unwrap()).collect();
        let expected: &[&str] = if answer.name == "PermissionLost" { &["Northwind"] } else { &[] };
        assert_eq!((answer.refused, tenants.as_slice()), (None, expected), "{}", answer.name);
    }
}

#[test]
fn every_rule_has_a_sample_that_alerts() {
    for (name, Samples { alerts, also_alerts, .. }) in all_samples(&by_name()) {
        let all = also_alerts.values().chain([&alerts]);
        all.for_each(|alerting| assert!(!alerting.expected.is_empty(), "{name}"));
    }
}

#[test]
fn every_column_that_a_rule_names_is_in_its_result() {
    let rules = by_name();
    let queries = rules.iter().map(|(name, rule)| json!({ "name": name, "text": rule.query }));

    let bound = bind_beside_microsofts(queries.collect());

    for bound in bound {
        let columns: Vec<_> = bound.columns.iter().map(|column| column.name.as_str()).collect();
        let rule = &rules[&bound.name];
        for named in
            rule.columns().into_iter().chain(["TimeGenerated", "AadTenantId", "TenantName"])
        {
            assert!(columns.contains(&named), "{}: {named} isn't among {columns:?}", bound.name);
        }
    }
}

#[test]
fn rows_that_name_a_host_or_an_account_are_mapped_to_it() {
    let rules = by_name();
    let queries = rules.iter().map(|(name, rule)| json!({ "name": name, "text": rule.query }));

    for bound in bind_beside_microsofts(queries.collect()) {
        let has = |name: &str| bound.columns.iter().any(|column| column.name == name);
        let mappings = &rules[&bound.name].entity_mappings;
        let maps = |kind: &str| mappings.iter().any(|mapping| mapping.entity_type == kind);
        for (column, kind) in
            [("HostName", "Host"), ("AccountName", "Account"), ("DeviceId", "Host")]
        {
            assert_eq!(has(column), maps(kind), "{}: {column}", bound.name);
        }
    }
}
