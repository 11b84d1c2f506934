//! Controls of the Secure Score, and what of them raises it.

use super::{Answer, Block, Call, Cell, Column, Comment, Page, Parameter, Route, Shown, shape};
use crate::host::Problem;
use crate::source::{CONTROL_PROFILES, SECURE_SCORES};
use crate::summary::{self, ControlDetail, ControlState, ImprovementAction, Known};
use futures::FutureExt;

const CATEGORY: Parameter = Parameter {
    name: "category",
    about: "Categories, separated by commas: Identity, Device, Apps, Data, Infrastructure",
};
const SERVICE: Parameter =
    Parameter { name: "service", about: "Products, separated by commas, such as AzureAD, MDATP" };
const STATE: Parameter = Parameter {
    name: "state",
    about: "States, separated by commas: Default, Ignored, ThirdParty, Reviewed",
};
const STATUS: Parameter = Parameter {
    name: "status",
    about: "States of the control, separated by commas: Default, Reviewed, Ignored, ThirdParty; \
            without it those are left out on which somebody decided that nothing is to be done (Ignored, \
            ThirdParty)",
};
const ASSIGNED: Parameter = Parameter {
    name: "assigned",
    about: "true: only controls that somebody is assigned to; false: only the others",
};
const MINIMUM_GAIN: Parameter =
    Parameter { name: "minimumGain", about: "The fewest points to gain, such as 2.5" };

/// The routes of this file.
pub const ROUTES: &[Route] = &[
    Route {
        query: &[CATEGORY, SERVICE, STATE, ASSIGNED],
        ..Route::list(
            "controls",
            "Controls of the Secure Score with state and points, those with the most to gain first",
            shape::<Page<ControlState>>,
            |call| controls(call).boxed(),
        )
    },
    Route::get(
        "controls/{id}",
        "A control of the Secure Score: state, points over time, how to carry it out",
        shape::<ControlDetail>,
        |call| control(call).boxed(),
    ),
    Route {
        query: &[CATEGORY, STATUS, MINIMUM_GAIN],
        ..Route::list(
            "improvement-actions",
            "What raises the Secure Score, the most points first",
            shape::<Page<ImprovementAction>>,
            |call| actions(call).boxed(),
        )
    },
];

const CONTROLS: &[Column] = &[
    Column("Control", "id"),
    Column("Title", "title"),
    Column("Category", "category"),
    Column("State", "state"),
    Column("Assigned", "assigned"),
    Column("Points", "points"),
    Column("Maximum", "maximum"),
    Column("Remaining", "remaining"),
    Column("Service", "service"),
    Column("Percent", "percent"),
    Column("Rank", "rank"),
    Column("Cost", "cost"),
    Column("User impact", "userImpact"),
    Column("Tier", "tier"),
    Column("Scored", "scored"),
    Column("Deprecated", "deprecated"),
];

const ACTIONS: &[Column] = &[
    Column("Action", "title"),
    Column("Points", "points"),
    Column("Category", "category"),
    Column("Cost", "cost"),
    Column("User impact", "userImpact"),
    Column("State", "state"),
    Column("Assigned", "assigned"),
    Column("Where", "url"),
    Column("Current", "current"),
    Column("Maximum", "maximum"),
    Column("Rank", "rank"),
    Column("Control", "controlId"),
];

async fn controls(call: &Call<'_>) -> Result<Answer, Problem> {
    let query = &call.query;
    let [category, service, state] =
        ["category", "service", "state"].map(|name| query.one_of(name));
    let assigned = query.get("assigned").map(|_| query.flag("assigned")).transpose()?;
    let mut listed = call.of_snapshots(CONTROL_PROFILES, summary::controls).await?;
    listed.items.retain(|control| {
        category.admits(Some(&control.category))
            && service.admits(control.service.as_deref())
            && state.admits(control.state.as_deref())
            && assigned.is_none_or(|assigned| control.assigned == assigned)
    });
    let heading = format!("Controls of {}", call.tenant().name);
    Page::listed(call, (heading, CONTROLS), listed)?.answer(call)
}

async fn control(call: &Call<'_>) -> Result<Answer, Problem> {
    let id = call.segment("id");
    // Says why there are none at all.
    call.of_snapshots(CONTROL_PROFILES, summary::controls).await?;
    let found = |known: &[Known], now| Some(summary::control(known, now, id));
    let found = call.of_snapshots(CONTROL_PROFILES, found).await?;
    let absent = "no control has this id: GET /api/controls lists them";
    Answer::of(call, &found.ok_or_else(|| Problem::new(404, absent))?)
}

async fn actions(call: &Call<'_>) -> Result<Answer, Problem> {
    let query = &call.query;
    let [category, status] = ["category", "status"].map(|name| query.one_of(name));
    let minimum = minimum_gain(call)?;
    let mut listed = call.of_snapshots(SECURE_SCORES, summary::improvement_list).await?;
    listed.items.retain(|action| {
        category.admits(action.category.as_deref())
            && status.admits(Some(&action.state))
            && !(status.is_any() && action.is_decided())
            && action.points >= minimum
    });
    let heading = format!("What raises the Secure Score of {}", call.tenant().name);
    Page::listed(call, (heading, ACTIONS), listed)?.answer(call)
}

/// The least that something must gain to be listed.
///
/// # Errors
///
/// A 400 where it is no number from 0 on.
pub(super) fn minimum_gain(call: &Call<'_>) -> Result<f64, Problem> {
    let number =
        |text: &str| text.parse().ok().filter(|gain: &f64| gain.is_finite() && *gain >= 0.0);
    Ok(call.query.parsed("minimumGain", "a number from 0 on", number)?.unwrap_or(0.0))
}

impl Shown for ControlDetail {
    fn comment(&self) -> Option<Comment> {
        let control = &self.control;
        let text = |value: &Option<String>| Cell::new(value.as_deref().unwrap_or("unknown"));
        let figure = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| v.to_string());
        let title = control.title.as_deref().unwrap_or(&control.id);
        let points = format!("{} of {}", figure(control.points), figure(control.maximum));
        let assigned = if control.assigned { "yes" } else { "no" };
        let facts = [
            ("Control", Cell::new(&*control.id)),
            ("Category", Cell::new(&*control.category)),
            ("Service", text(&control.service)),
            ("State", text(&control.state)),
            ("Assigned", assigned.into()),
            ("Points", points.into()),
            ("To gain", figure(control.remaining).into()),
            ("Cost", text(&control.cost)),
            ("User impact", text(&control.user_impact)),
            ("Tier", text(&control.tier)),
        ];
        let facts = facts.map(|(name, cell)| (name.to_owned(), cell)).to_vec();
        let mut blocks = vec![Block::Facts(facts)];
        blocks.extend(self.remediation.iter().map(|steps| Block::Text(Cell::new(&**steps))));
        let place = |url: &String| Block::Text(Cell::link("Where to carry it out", &**url));
        blocks.extend(self.url.as_ref().map(place));
        Some(Comment { title: title.to_owned(), blocks })
    }
}
