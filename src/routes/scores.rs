//! The Secure Score day by day, and one day with its controls.

use super::{
    Answer, Block, Call, Cell, Column, Comment, Page, Parameter, Route, Rows, Shown, shape,
};
use crate::host::Problem;
use crate::source::SECURE_SCORES;
use crate::summary::{self, DayOfScore, ScoreOfDay};
use futures::FutureExt;
use jiff::civil::Date;

const SINCE: Parameter = Parameter {
    name: "since",
    about: "The first day, such as 2026-11-02; default: all that are known, 400 at most",
};
const UNTIL: Parameter =
    Parameter { name: "until", about: "The last day, such as 2026-11-30; default: the newest" };

/// The routes of this file.
pub const ROUTES: &[Route] = &[
    Route {
        query: &[SINCE, UNTIL],
        ..Route::list(
            "secure-scores",
            "The Secure Score of each day, newest first, with averages of other organisations",
            shape::<Page<DayOfScore>>,
            |call| days(call).boxed(),
        )
    },
    Route {
        has_rows: true,
        ..Route::get(
            "secure-scores/{date}",
            "The Secure Score of a day, such as 2026-11-02, with its categories and the points of its \
             controls",
            shape::<ScoreOfDay>,
            |call| day(call).boxed(),
        )
    },
];

const DAYS: &[Column] = &[
    Column("Day", "day"),
    Column("Points", "current"),
    Column("Maximum", "maximum"),
    Column("Percent", "percent"),
    Column("All tenants, %", "averages.AllTenants"),
    Column("Of the same size, %", "averages.TotalSeats"),
    Column("Of the same industry, %", "averages.IndustryTypes"),
];

const CONTROLS: &[Column] = &[
    Column("Control", "id"),
    Column("Title", "title"),
    Column("Category", "category"),
    Column("Points", "points"),
    Column("Maximum", "maximum"),
    Column("Remaining", "remaining"),
];

/// Controls that a comment names.
const MOST_CONTROLS: usize = 25;

async fn days(call: &Call<'_>) -> Result<Answer, Problem> {
    let day = |text: &str| text.parse::<Date>().ok();
    let expected = "a day such as 2026-11-02";
    let since = call.query.parsed("since", expected, day)?;
    let until = call.query.parsed("until", expected, day)?;
    let mut listed = call.of_snapshots(SECURE_SCORES, summary::score_days).await?;
    let within = |day: Date| since.is_none_or(|at| day >= at) && until.is_none_or(|at| day <= at);
    listed.items.retain(|item| within(item.day));
    let heading = format!("Secure Score of {}", call.tenant().name);
    Page::listed(call, (heading, DAYS), listed)?.answer(call)
}

async fn day(call: &Call<'_>) -> Result<Answer, Problem> {
    let text = call.segment("date");
    let date: Date =
        text.parse().map_err(|_| Problem::new(400, "the path ends in a day such as 2026-11-02"))?;
    let known = call.of_snapshots(SECURE_SCORES, summary::score_days).await?;
    let made = |known: &[summary::Known], now| summary::score_of_day(known, now, date);
    if !known.items.iter().any(|item| item.day == date) {
        let detail =
            format!("no Secure Score of {date} is known: GET /api/secure-scores lists days");
        return Err(Problem::new(404, detail));
    }
    Answer::of(call, &call.of_snapshots(SECURE_SCORES, made).await?)
}

impl Shown for ScoreOfDay {
    fn comment(&self) -> Option<Comment> {
        let figure = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| v.to_string());
        let day = &self.day;
        let mut facts = vec![
            ("Points".to_owned(), Cell::new(figure(day.current))),
            ("Maximum".to_owned(), Cell::new(figure(day.maximum))),
            ("Percent".to_owned(), Cell::new(figure(day.percent))),
        ];
        facts.extend(day.averages.iter().map(|(basis, average)| {
            (format!("Average of {basis}"), Cell::new(format!("{average} %")))
        }));
        let category = |of: &summary::Category| {
            let figures = [of.current, of.maximum, of.percent];
            let figures = figures.into_iter().map(|value| Cell::new(figure(value)));
            std::iter::once(Cell::new(&*of.category)).chain(figures).collect()
        };
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let categories = Block::Table {
            heading: "By category".to_owned(),
            columns: names(&["Category", "Points", "Maximum", "Percent"]),
            rows: self.categories.iter().map(category).collect(),
        };
        let rows = self.rows()?.rows.into_iter().take(MOST_CONTROLS);
        let controls = Block::Table {
            heading: "Controls with the most points to gain".to_owned(),
            columns: CONTROLS.iter().map(|column| column.0.to_owned()).collect(),
            rows: rows.map(|row| row.into_iter().map(Cell::new).collect()).collect(),
        };
        let title = format!("Secure Score of {}", day.day);
        Some(Comment { title, blocks: vec![Block::Facts(facts), categories, controls] })
    }

    fn rows(&self) -> Option<Rows> {
        let controls = self.controls.as_deref().unwrap_or_default();
        let values: Vec<_> =
            controls.iter().filter_map(|control| serde_json::to_value(control).ok()).collect();
        Some(Rows::of(&values, CONTROLS))
    }
}
