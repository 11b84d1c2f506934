//! Apps that Cloud Discovery has found: Shadow IT.

use super::{Answer, Block, Call, Cell, Column, Comment, Page, Parameter, Route, Shown, shape};
use crate::digest::DiscoveredApp;
use crate::host::Problem;
use crate::source::CLOUD_APPS;
use crate::summary::{self, AppDetail};
use futures::FutureExt;

const QUERY: &[Parameter] = &[
    Parameter {
        name: "category",
        about: "Categories, separated by commas, such as cloudStorage, aiModelProvider",
    },
    Parameter {
        name: "maximumScore",
        about: "The highest risk score to list, 1 to 10, where 10 is safest: 3 lists what is of high risk",
    },
    Parameter { name: "tag", about: "Tags, separated by commas, such as Unsanctioned" },
];

/// The routes of this file.
pub const ROUTES: &[Route] = &[
    Route {
        query: QUERY,
        ..Route::list(
            "cloud-apps",
            "Apps that Cloud Discovery has found in the traffic of 30 days, the riskiest first",
            shape::<Page<DiscoveredApp>>,
            |call| apps(call).boxed(),
        )
    },
    Route::get(
        "cloud-apps/{name}",
        "An app that Cloud Discovery has found, by its name or its number in Microsoft's catalogue",
        shape::<AppDetail>,
        |call| app(call).boxed(),
    ),
];

const COLUMNS: &[Column] = &[
    Column("App", "name"),
    Column("Category", "category"),
    Column("Risk score (10 is safest)", "riskScore"),
    Column("Users", "users"),
    Column("Devices", "devices"),
    Column("Bytes sent", "uploadBytes"),
    Column("Bytes received", "downloadBytes"),
    Column("Tags", "tags"),
    Column("Addresses", "ipAddresses"),
    Column("Transactions", "transactions"),
    Column("Last seen", "lastSeen"),
    Column("Domains", "domains"),
    Column("Stream", "stream"),
    Column("Id", "id"),
];

async fn apps(call: &Call<'_>) -> Result<Answer, Problem> {
    let [category, tag] = ["category", "tag"].map(|name| call.query.one_of(name));
    let score = |text: &str| text.parse().ok().filter(|score: &f64| (1.0..=10.0).contains(score));
    let most = call.query.parsed("maximumScore", "a number from 1 to 10", score)?;
    let mut listed = call.of_snapshots(CLOUD_APPS, summary::apps).await?;
    listed.items.retain(|app| {
        let is_tagged = tag.is_any() || app.tags.iter().any(|own| tag.admits(Some(own)));
        let is_risky = most.is_none_or(|most| app.risk_score.is_some_and(|score| score <= most));
        is_tagged && is_risky && category.admits(app.category.as_deref())
    });
    let heading = format!("Cloud apps of {}", call.tenant().name);
    Page::listed(call, (heading, COLUMNS), listed)?.answer(call)
}

async fn app(call: &Call<'_>) -> Result<Answer, Problem> {
    let name = call.segment("name");
    let listed = call.of_snapshots(CLOUD_APPS, summary::apps).await?;
    let freshness = listed.freshness;
    let answer = |app: &DiscoveredApp| Answer::of(call, &AppDetail { app: app.clone(), freshness });
    if let Some(app) = listed.items.iter().find(|app| app.id == name) {
        return answer(app);
    }
    let same = |app: &&DiscoveredApp| {
        app.name.as_deref().is_some_and(|own| own.to_lowercase() == name.to_lowercase())
    };
    let named: Vec<_> = listed.items.iter().filter(same).collect();
    match named.as_slice() {
        [only] => answer(only),
        [] => {
            let detail = "no app of this name or number was found: GET /api/cloud-apps lists them";
            Err(Problem::new(404, detail))
        }
        several => {
            let ids: Vec<_> = several.iter().take(10).map(|app| app.id.as_str()).collect();
            let detail =
                format!("several apps have this name: name one by its number, {}", ids.join(", "));
            Err(Problem::new(409, detail))
        }
    }
}

impl Shown for AppDetail {
    fn comment(&self) -> Option<Comment> {
        let app = serde_json::to_value(self).ok()?;
        let fact = |column: &Column| {
            (column.0.to_owned(), Cell::new(super::list::text_at(&app, column.1)))
        };
        let facts = COLUMNS.iter().map(fact).filter(|(_, cell)| !cell.text.is_empty());
        let title = format!("Cloud app {}", self.app.name.as_deref().unwrap_or(&self.app.id));
        Some(Comment { title, blocks: vec![Block::Facts(facts.collect())] })
    }
}
