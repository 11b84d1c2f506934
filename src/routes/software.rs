//! One software, and who has it.

use super::devices::{KEPT, PAGED, fact, not_known, or_dash, table};
use super::{Answer, Block, Call, Cell, Column, Comment, Page, Route, Shown, Window, shape};
use crate::host::Problem;
use crate::lookup::{Holder, Lookup, Software, SoftwareId};
use crate::source::DEVICE_SOFTWARE;
use futures::FutureExt;

/// Rows of a comment's table.
const MOST_ROWS: usize = 50;

/// The routes of this file.
pub const ROUTES: &[Route] = &[
    Route {
        query: &[KEPT],
        ..Route::get(
            "software/{id}",
            "One software, by <vendor>-_-<product>: versions, vulnerabilities, how many are exposed",
            shape::<Software>,
            |call| software(call).boxed(),
        )
    },
    Route {
        query: &[KEPT, PAGED[0], PAGED[1]],
        ..Route::list(
            "software/{id}/devices",
            "The devices that have a software; kept ones with version and end of support",
            shape::<Page<Holder>>,
            |call| devices(call).boxed(),
        )
    },
];

const COLUMNS: &[Column] = &[
    Column("Device", "computerDnsName"),
    Column("Device id", "id"),
    Column("System", "osPlatform"),
    Column("Group", "rbacGroupName"),
    Column("Version", "version"),
    Column("End of support", "endOfSupportStatus"),
];

fn named(call: &Call<'_>) -> Result<SoftwareId, Problem> {
    let id = SoftwareId::read(call.segment("id"));
    id.ok_or_else(|| Problem::new(400, "this is no software id: <vendor>-_-<product>"))
}

async fn software(call: &Call<'_>) -> Result<Answer, Problem> {
    let (id, kept) = (named(call)?, call.query.flag("kept")?);
    let lookup = Lookup::new(call.app, call.tenant(), call.known().await?);
    let software = lookup.software(&id, kept).await?;
    Answer::of(call, &software)
}

async fn devices(call: &Call<'_>) -> Result<Answer, Problem> {
    let (id, kept) = (named(call)?, call.query.flag("kept")?);
    let lookup = Lookup::new(call.app, call.tenant(), call.known().await?);
    // A list that goes on from kept rows must not go on with live ones.
    let mut window = Window::of(call, &format!("{} {}", id.id, lookup.run(DEVICE_SOFTWARE)))?;
    let made = lookup.holders(&id, kept, |holder| window.take(holder)).await?;
    let page = Page::seen((format!("Devices with {}", id.id), COLUMNS), window);
    match made {
        Some(made) => page.collected(made).answer(call),
        None => page.answer(call),
    }
}

impl Shown for Software {
    fn comment(&self) -> Option<Comment> {
        let product = &self.product;
        let count = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
        let mut facts = vec![
            fact("Software", or_dash(product.name.as_deref())),
            fact("Vendor", or_dash(product.vendor.as_deref())),
            fact("Known vulnerabilities", count(product.weaknesses)),
            fact("Exposed devices", count(product.exposed_machines)),
            fact("Public exploit", if product.public_exploit == Some(true) { "yes" } else { "no" }),
        ];
        if let Some(worst) = self.vulnerabilities.as_ref().and_then(|all| all.worst.as_ref()) {
            let severity = or_dash(worst.severity.as_deref());
            facts.push(fact("Worst vulnerability", format!("{} ({severity})", worst.id)));
        }
        if let Some(age) = self.origin.age_seconds {
            facts.push(fact("As kept", format!("{} hours ago", age / 3_600)));
        }
        let versions = self.versions.iter().flatten().take(MOST_ROWS).map(|one| {
            let status = or_dash(one.end_of_support_status.as_deref());
            let version = Cell::new(or_dash(one.version.as_deref()));
            vec![version, count(one.installations).into(), status.into()]
        });
        let columns = ["Version", "Installations", "End of support"];
        let mut blocks = vec![Block::Facts(facts), table("Versions", &columns, versions.collect())];
        blocks.extend(not_known(&self.missing));
        let title = product.id.as_deref().unwrap_or("software").to_owned();
        Some(Comment { title, blocks })
    }
}
