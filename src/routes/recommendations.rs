//! Security recommendations of Defender, ranked.

use super::controls::minimum_gain;
use super::{Answer, Call, Column, Page, Parameter, Route, shape};
use crate::host::Problem;
use crate::source::RECOMMENDATIONS;
use crate::summary::{self, RatedRecommendation};
use futures::FutureExt;

const QUERY: &[Parameter] = &[
    Parameter {
        name: "category",
        about: "Categories, separated by commas: Accounts, Application, Network, OS, SecurityControls",
    },
    Parameter {
        name: "status",
        about: "Active, Exception, or both separated by a comma; without it the active ones",
    },
    Parameter {
        name: "minimumGain",
        about: "The fewest points that the exposure score would fall by, such as 0.5",
    },
    Parameter {
        name: "remediationType",
        about: "Kinds, separated by commas: ConfigurationChange, Update, Upgrade, Uninstall",
    },
];

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    query: QUERY,
    ..Route::list(
        "recommendations",
        "Security recommendations, the highest impact on the exposure score first; the thousand highest \
         are kept",
        shape::<Page<RatedRecommendation>>,
        |call| recommendations(call).boxed(),
    )
}];

const COLUMNS: &[Column] = &[
    Column("Recommendation", "name"),
    Column("Exposure", "exposureImpact"),
    Column("Device score", "configScoreImpact"),
    Column("Exposed machines", "exposedMachines"),
    Column("Known exploited", "knownExploited"),
    Column("Worst by risk", "worst.id"),
    Column("Kind", "remediationType"),
    Column("Category", "category"),
    Column("Machines", "totalMachines"),
    Column("Status", "status"),
    Column("Product", "product"),
    Column("Vendor", "vendor"),
    Column("Weaknesses", "weaknesses"),
    Column("Public exploit", "publicExploit"),
    Column("Active alert", "activeAlert"),
    Column("Id", "id"),
    Column("Risk of the worst", "worst.score"),
];

async fn recommendations(call: &Call<'_>) -> Result<Answer, Problem> {
    let names = ["category", "status", "remediationType"];
    let [category, status, kind] = names.map(|name| call.query.one_of(name));
    let minimum = minimum_gain(call)?;
    let mut listed = call.of_snapshots(RECOMMENDATIONS, summary::recommendation_list).await?;
    // `Security controls` and `SecurityControls` are the same.
    let plain = |text: &String| text.replace(' ', "");
    listed.items.retain(|one| {
        let one = &one.recommendation;
        let of_status = match status.is_any() {
            true => one.is_active(),
            false => status.admits(one.status.as_deref()),
        };
        of_status
            && category.admits(one.category.as_ref().map(plain).as_deref())
            && kind.admits(one.remediation_type.as_deref())
            && one.exposure_impact.unwrap_or(0.0) >= minimum
    });
    let heading = format!("Security recommendations of {}", call.tenant().name);
    Page::listed(call, (heading, COLUMNS), listed)?.answer(call)
}
