//! All tenants of a provider beside one another.

use super::{
    Answer, Block, Call, Cell, Column, Comment, Page, Parameter, Route, Shown, Subject, shape,
};
use crate::app::KNOWN_OF_MANY_FOR;
use crate::host::Problem;
use crate::summary::{self, Order, PortfolioEntry};
use futures::FutureExt;

const QUERY: &[Parameter] = &[
    Parameter {
        name: "order",
        about: "score (default): the lowest first; change: the deepest fall first; broken and stale tenants \
                come before the others either way",
    },
    Parameter {
        name: "days",
        about: "Over how many days changes are told, 1, 7 (default), 30 or 90",
    },
];

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    subject: Subject::Tenants,
    query: QUERY,
    ..Route::list(
        "portfolio",
        "All tenants ranked by Secure Score and by its change, with what each drop is made of; broken and \
         stale ones first",
        shape::<Page<PortfolioEntry>>,
        |call| portfolio(call).boxed(),
    )
}];

const COLUMNS: &[Column] = &[
    Column("Tenant", "name"),
    Column("State", "state"),
    Column("Score, %", "secureScore.percent"),
    Column("Rank", "rankByScore"),
    Column("Change, %-points", "change.percentagePoints"),
    Column("Rank by change", "rankByChange"),
    Column("High alerts", "highAlerts"),
    Column("Reason", "reason"),
    Column("Change, points", "change.points"),
    Column("Since", "change.from"),
    Column("Points", "secureScore.current"),
    Column("Maximum", "secureScore.maximum"),
    Column("Exposure", "exposureScore"),
    Column("Azure, %", "azurePercent"),
    Column("Incidents", "incidents"),
    Column("Refused", "refused"),
    Column("Stale", "stale"),
    Column("Missing", "missing"),
    Column("Id", "id"),
];

/// Drops whose controls a comment names.
const MOST_DROPS: usize = 20;

/// The list, with a comment of its own.
#[derive(serde::Serialize)]
#[serde(transparent)]
struct Portfolio(Page<PortfolioEntry>);

async fn portfolio(call: &Call<'_>) -> Result<Answer, Problem> {
    let order = call.query.parsed("order", "score or change", |text| match text {
        "score" => Some(Order::Score),
        "change" => Some(Order::Change),
        _ => None,
    })?;
    let number = |text: &str| text.parse().ok().filter(|days| [1, 7, 30, 90].contains(days));
    let days: u16 = call.query.parsed("days", "1, 7, 30 or 90", number)?.unwrap_or(7);
    let standings = call.standings(KNOWN_OF_MANY_FOR).await?;
    let tenants = call.tenants.iter().map(|tenant| tenant.enabled);
    let tenants: Vec<_> = tenants.zip(standings.iter().map(|standing| &**standing)).collect();
    let entries = summary::portfolio(&tenants, days, order.unwrap_or(Order::Score));
    let over = if days == 1 { "one day".to_owned() } else { format!("{days} days") };
    let heading = format!("Portfolio, with changes over {over}");
    let page = Page::of(call, (heading, COLUMNS), &format!("portfolio over {days} days"), entries)?;
    let portfolio = Portfolio(page);
    Ok(portfolio.0.linked(call, Answer::of(call, &portfolio)?))
}

impl Shown for Portfolio {
    fn comment(&self) -> Option<Comment> {
        let mut comment = self.0.comment()?;
        let drops = self.0.value.iter().filter(|entry| !entry.drivers.is_empty());
        comment.blocks.extend(drops.take(MOST_DROPS).map(losses));
        Some(comment)
    }

    fn rows(&self) -> Option<super::Rows> {
        self.0.rows()
    }
}

/// What a tenant's drop is made of.
fn losses(entry: &PortfolioEntry) -> Block {
    let rows = entry.drivers.iter().map(|driver| {
        let now = driver.now.map_or_else(|| "not scored".to_owned(), |now| now.to_string());
        vec![
            Cell::new(driver.title.as_deref().unwrap_or(&driver.control_id)),
            Cell::new(driver.before.to_string()),
            Cell::new(now),
            Cell::new(driver.lost.to_string()),
        ]
    });
    let columns = ["Control", "Points before", "Points now", "Lost"].map(str::to_owned).to_vec();
    Block::Table {
        heading: format!("Where {} lost points", entry.name),
        columns,
        rows: rows.collect(),
    }
}
