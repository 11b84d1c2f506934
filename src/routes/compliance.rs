//! Regulatory compliance, subscription by subscription.

use super::{Answer, Call, Column, Page, Parameter, Route, shape};
use crate::host::Problem;
use crate::source::COMPLIANCE_STANDARDS;
use crate::summary::{self, SubscriptionStandard};
use futures::FutureExt;

const QUERY: &[Parameter] = &[
    Parameter { name: "standard", about: "Names of standards, separated by commas" },
    Parameter { name: "subscription", about: "Ids or names of subscriptions, separated by commas" },
    Parameter {
        name: "state",
        about: "States, separated by commas: Failed, Passed, Skipped, Unsupported",
    },
];

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    query: QUERY,
    ..Route::list(
        "compliance",
        "Regulatory compliance by subscription and standard: controls that passed, failed, were skipped",
        shape::<Page<SubscriptionStandard>>,
        |call| compliance(call).boxed(),
    )
}];

const COLUMNS: &[Column] = &[
    Column("Subscription", "subscription"),
    Column("Standard", "standard"),
    Column("State", "state"),
    Column("Passed", "passed"),
    Column("Failed", "failed"),
    Column("Skipped", "skipped"),
    Column("Unsupported", "unsupported"),
    Column("Passed, %", "passedPercent"),
    Column("Subscription id", "subscriptionId"),
];

async fn compliance(call: &Call<'_>) -> Result<Answer, Problem> {
    let names = ["standard", "subscription", "state"];
    let [standard, subscription, state] = names.map(|name| call.query.one_of(name));
    let mut listed = call.of_snapshots(COMPLIANCE_STANDARDS, summary::compliance_list).await?;
    listed.items.retain(|one| {
        let of_subscription = subscription.admits(Some(&one.subscription_id))
            || subscription.admits(one.subscription.as_deref());
        of_subscription
            && standard.admits(Some(&one.standard))
            && state.admits(Some(one.state.name()))
    });
    let heading = format!("Regulatory compliance of {}", call.tenant().name);
    Page::listed(call, (heading, COLUMNS), listed)?.answer(call)
}
